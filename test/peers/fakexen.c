/* SPDX-License-Identifier: Apache-2.0
 * Lets Debian's own xenstored and oxenstored run where there is no Xen, as LD_PRELOAD. Only what a daemon asks of the hypervisor is
 * played; its store, protocol, permissions, quotas, watches and transactions are real. test/support/xenstored.py is the other side.
 *
 * In $FAKEXEN_DIR: dom.N exists while domain N lives; ring.N is the page that a daemon shares with it; an event for domain N is a
 * datagram to ev.N, one for the daemon goes to ev.daemon. It holds one 32-bit port, which is N + 1000.
 *
 * oxenstored's socket is compiled in. It is made in $FAKEXEN_DIR instead, so that tests may run beside each other and need no root.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

enum { first_port = 1000, virq_port = 1, page = 4096 };

static int events = -1;

static const char *folder(void)
{
    const char *named = getenv("FAKEXEN_DIR");
    return named ? named : "/nonexistent";
}

static void name_of(char *name, size_t size, const char *kind, unsigned domain)
{
    snprintf(name, size, "%s/%s.%u", folder(), kind, domain);
}

static void address_of(struct sockaddr_un *address, const char *name)
{
    address->sun_family = AF_UNIX;
    snprintf(address->sun_path, sizeof address->sun_path, "%s", name);
}

static int lives(unsigned domain)
{
    char name[108];
    name_of(name, sizeof name, "dom", domain);
    return domain == 0 || access(name, F_OK) == 0;
}

static int open_ring(unsigned domain)
{
    static int (*real)(int, const char *, int, ...);
    char name[108];
    name_of(name, sizeof name, "ring", domain);
    if (!real)
        real = dlsym(RTLD_NEXT, "openat");
    int file = real(AT_FDCWD, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0 && ftruncate(file, page) < 0) {
        close(file);
        return -1;
    }
    return file;
}

static void *map_ring(unsigned domain)
{
    int file = open_ring(domain);
    void *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return memory == MAP_FAILED ? NULL : memory;
}

/* ---- event channels */

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned flags)
{
    struct sockaddr_un address = {0};
    char name[108];
    (void)logger, (void)flags;
    snprintf(name, sizeof name, "%s/ev.daemon", folder());
    address_of(&address, name);
    unlink(name);
    events = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (events < 0 || bind(events, (const struct sockaddr *)&address, sizeof address) < 0) {
        perror(name);
        _exit(1);
    }
    return (xenevtchn_handle *)&events;
}
xenevtchn_handle *xenevtchn_fdopen(struct xentoollog_logger *logger, int fd, unsigned flags)
{
    (void)logger, (void)flags;
    events = fd;
    return (xenevtchn_handle *)&events;
}
int xenevtchn_close(xenevtchn_handle *handle)
{
    (void)handle;
    return close(events);
}
int xenevtchn_fd(xenevtchn_handle *handle)
{
    (void)handle;
    return events;
}
int xenevtchn_notify(xenevtchn_handle *handle, evtchn_port_t port)
{
    struct sockaddr_un address = {0};
    char name[108];
    uint32_t datagram = port;
    (void)handle;
    if (port < first_port)
        return 0;
    name_of(name, sizeof name, "ev", port - first_port);
    address_of(&address, name);
    sendto(events, &datagram, sizeof datagram, MSG_DONTWAIT, (const struct sockaddr *)&address, sizeof address);
    return 0; /* an event that nobody takes is no error */
}
xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *handle, uint32_t domain, evtchn_port_t port)
{
    (void)handle, (void)port;
    return domain + first_port;
}
xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *handle, unsigned virq)
{
    (void)handle, (void)virq;
    return virq_port;
}
int xenevtchn_unbind(xenevtchn_handle *handle, evtchn_port_t port)
{
    (void)handle, (void)port;
    return 0;
}
xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *handle)
{
    uint32_t port;
    (void)handle;
    return recv(events, &port, sizeof port, 0) == sizeof port ? (int)port : -1;
}
int xenevtchn_unmask(xenevtchn_handle *handle, evtchn_port_t port)
{
    (void)handle, (void)port;
    return 0;
}

/* ---- grant tables */

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned flags)
{
    (void)logger, (void)flags;
    return (xengnttab_handle *)&events;
}
int xengnttab_close(xengnttab_handle *handle)
{
    (void)handle;
    return 0;
}
int xengnttab_set_max_grants(xengnttab_handle *handle, uint32_t most)
{
    (void)handle, (void)most;
    return 0;
}
void *xengnttab_map_grant_ref(xengnttab_handle *handle, uint32_t domain, uint32_t ref, int protection)
{
    (void)handle, (void)ref, (void)protection;
    return map_ring(domain);
}
int xengnttab_unmap(xengnttab_handle *handle, void *memory, uint32_t pages)
{
    (void)handle;
    return munmap(memory, pages * (size_t)page);
}

/* ---- control */

xc_interface *xc_interface_open(xentoollog_logger *one, xentoollog_logger *other, unsigned flags)
{
    (void)one, (void)other, (void)flags;
    return (xc_interface *)&events;
}
int xc_interface_close(xc_interface *handle)
{
    (void)handle;
    return 0;
}
#if defined(XEN_DOMCTL_INTERFACE_VERSION) && XEN_DOMCTL_INTERFACE_VERSION >= 0x00000016 /* Xen 4.18 */
int xc_domain_getinfo_single(xc_interface *handle, uint32_t domain, xc_domaininfo_t *info)
{
    (void)handle;
    if (!lives(domain)) {
        errno = ESRCH;
        return -1;
    }
    memset(info, 0, sizeof *info);
    info->domain = (domid_t)domain;
    return 0;
}
#else
int xc_domain_getinfo(xc_interface *handle, uint32_t first, unsigned most, xc_dominfo_t *info)
{
    (void)handle;
    if (most < 1 || !lives(first))
        return 0;
    memset(info, 0, sizeof *info);
    info->domid = first;
    info->running = 1;
    return 1;
}
#endif
int xc_domain_getinfolist(xc_interface *handle, uint32_t first, unsigned most, xc_domaininfo_t *info)
{
    (void)handle;
    if (most < 1 || !lives(first))
        return 0;
    memset(info, 0, sizeof *info);
    info->domain = (domid_t)first;
    return 1;
}
void *xc_map_foreign_range(xc_interface *handle, uint32_t domain, int size, int protection, unsigned long frame)
{
    (void)handle, (void)size, (void)protection, (void)frame;
    return map_ring(domain);
}

/* ---- files: what xenfs tells of domain 0's own ring, and where oxenstored's socket is */

static int played(const char *path)
{
    if (strcmp(path, "/proc/xen/xsd_kva") == 0)
        return open_ring(0);
    if (strcmp(path, "/proc/xen/xsd_port") != 0)
        return -2;
    int ends[2];
    if (pipe(ends) < 0)
        return -1;
    dprintf(ends[1], "%u", first_port);
    close(ends[1]);
    return ends[0];
}

#define PLAY_OPEN(name)                                          \
    int name(const char *path, int flags, ...)                   \
    {                                                            \
        static int (*real)(const char *, int, ...);              \
        int file = played(path), mode = 0;                       \
        if (file != -2)                                          \
            return file;                                         \
        if (!real)                                               \
            real = dlsym(RTLD_NEXT, #name);                      \
        if (flags & (O_CREAT | __O_TMPFILE)) {                   \
            va_list rest;                                        \
            va_start(rest, flags);                               \
            mode = va_arg(rest, int);                            \
            va_end(rest);                                        \
        }                                                        \
        return real(path, flags, mode);                          \
    }
PLAY_OPEN(open)
PLAY_OPEN(open64)

static const char *own_path(const char *path, char *ours, size_t size)
{
    const char *name = strstr(path, "/run/xenstored");
    if (!name || (name != path && strncmp(path, "/var/run", 8) != 0))
        return path;
    snprintf(ours, size, "%s%s", folder(), name + strlen("/run/xenstored"));
    return ours;
}

int bind(int socket, const struct sockaddr *address, socklen_t length)
{
    static int (*real)(int, const struct sockaddr *, socklen_t);
    struct sockaddr_un ours = {0};
    char name[108];
    if (!real)
        real = dlsym(RTLD_NEXT, "bind");
    if (address->sa_family == AF_UNIX) {
        address_of(&ours, own_path(((const struct sockaddr_un *)address)->sun_path, name, sizeof name));
        return real(socket, (const struct sockaddr *)&ours, sizeof ours);
    }
    return real(socket, address, length);
}

/* Where oxenstored looks for its plugin (since Xen 4.20) is compiled in too: it is under $FAKEXEN_ROOT, as unpacked. */
static const char *unpacked(const char *path, char *there, size_t size)
{
    const char *root = getenv("FAKEXEN_ROOT");
    if (!path || !root || strncmp(path, "/usr/lib/xen-", 13) != 0)
        return path;
    snprintf(there, size, "%s%s", root, path);
    return there;
}

DIR *opendir(const char *path)
{
    static DIR *(*real)(const char *);
    char there[4096];
    if (!real)
        real = dlsym(RTLD_NEXT, "opendir");
    return real(unpacked(path, there, sizeof there));
}
void *dlopen(const char *path, int flags)
{
    static void *(*real)(const char *, int);
    char there[4096];
    if (!real)
        real = dlsym(RTLD_NEXT, "dlopen");
    return real(unpacked(path, there, sizeof there), flags);
}
#define PLAY_STAT(name)                                         \
    int name(const char *path, struct name *info)               \
    {                                                           \
        static int (*real)(const char *, struct name *);        \
        char there[4096];                                       \
        if (!real)                                              \
            real = dlsym(RTLD_NEXT, #name);                     \
        return real(unpacked(path, there, sizeof there), info); \
    }
PLAY_STAT(stat)
PLAY_STAT(stat64)

int unlink(const char *path)
{
    static int (*real)(const char *);
    char name[108];
    if (!real)
        real = dlsym(RTLD_NEXT, "unlink");
    return real(own_path(path, name, sizeof name));
}
int mkdir(const char *path, mode_t mode)
{
    static int (*real)(const char *, mode_t);
    char name[108];
    if (!real)
        real = dlsym(RTLD_NEXT, "mkdir");
    return real(own_path(path, name, sizeof name), mode);
}

/* oxenstored wants more descriptors than a container may have, and does without. */
int setrlimit(__rlimit_resource_t what, const struct rlimit *limit)
{
    static int (*real)(__rlimit_resource_t, const struct rlimit *);
    if (!real)
        real = dlsym(RTLD_NEXT, "setrlimit");
    return real(what, limit) < 0 && !(what == RLIMIT_NOFILE && errno == EPERM) ? -1 : 0;
}
