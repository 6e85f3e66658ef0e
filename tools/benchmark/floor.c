/* SPDX-License-Identifier: Apache-2.0
 *
 * The floors: for each task of the agent, the least that a single-threaded C server can do for the
 * same client over the same kind of socket. They parse nothing (what to do is on their command
 * line), check nothing about the request and serve one connection after the other with blocking
 * calls. Socket buffers keep their default size.
 *
 *   floor ping   SOCKET          accept, read, answer, close
 *   floor run    SOCKET COMMAND  posix_spawn of /bin/sh -c COMMAND with two pipes, their output as
 * frames, wait, answer floor stdout SOCKET COMMAND  the same with pipes of 1 MiB, as the agent has
 * them floor get    SOCKET FILE     sendfile in frames of 64 KiB floor put    SOCKET FILE frames
 * read one by one, written to a file beside FILE, renamed over it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { json_frame = 1, stdout_frame, stderr_frame, data_frame, eof_frame };
enum { header_size = 5, chunk_size = 64 << 10 };

static char buffer[chunk_size];
extern char** environ;

static void fail(const char* what)
{
    perror(what);
    exit(1);
}

static void put_header(unsigned char* header, unsigned tag, uint32_t length)
{
    header[0] = tag;
    header[1] = length >> 24;
    header[2] = length >> 16;
    header[3] = length >> 8;
    header[4] = length;
}

static int send_header(int client, unsigned tag, uint32_t length, int flags)
{
    unsigned char header[header_size];
    put_header(header, tag, length);
    return send(client, header, sizeof header, flags | MSG_NOSIGNAL) == sizeof header;
}

static void send_json(int client, const char* text)
{
    const size_t length = strlen(text);
    char frame[256];
    put_header((unsigned char*)frame, json_frame, length);
    memcpy(frame + header_size, text, length);
    send(client, frame, header_size + length, MSG_NOSIGNAL);
}

static void ping(int client, const char* unused)
{
    (void)unused;
    recv(client, buffer, sizeof buffer, 0);
    send_json(client, "{\"ok\":true,\"op\":\"pong\",\"agent_version\":\"floor\",\"proto\":1}");
}

/* What the pipe holds, as frames; 0 when the client is gone. */
static int forward(int client, int pipe, unsigned tag)
{
    int available;
    while (ioctl(pipe, FIONREAD, &available) == 0 && available > 0) {
        size_t left = available < chunk_size ? available : chunk_size;
        if (!send_header(client, tag, left, MSG_MORE))
            return 0;
        while (left > 0) {
            const ssize_t count = splice(pipe, NULL, client, NULL, left, SPLICE_F_MOVE);
            if (count <= 0)
                return 0;
            left -= count;
        }
    }
    return 1;
}

static void forward_to_end(int client, int out, int err)
{
    struct pollfd pipes[2] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
    for (int open = 2; open > 0;) {
        if (poll(pipes, 2, -1) < 0)
            fail("poll");
        for (int i = 0; i < 2; ++i) {
            if (pipes[i].revents & POLLIN) {
                if (!forward(client, pipes[i].fd, i == 0 ? stdout_frame : stderr_frame))
                    return;
            } else if (pipes[i].revents) {
                pipes[i].fd = -1;
                --open;
            }
        }
    }
}

static pid_t spawn(const char* command, int out, int err)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    char* const words[] = {"sh", "-c", (char*)command, NULL};
    pid_t child;
    errno = posix_spawn(&child, "/bin/sh", &actions, &attributes, words, environ);
    if (errno != 0)
        fail("posix_spawn");
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

static void run_in_pipes_of(int pipe_size, int client, const char* command)
{
    recv(client, buffer, sizeof buffer, 0);
    int out[2], err[2], status;
    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
        fail("pipe2");
    if (pipe_size > 0)
        fcntl(out[0], F_SETPIPE_SZ, pipe_size);
    const pid_t child = spawn(command, out[1], err[1]);
    close(out[1]);
    close(err[1]);
    forward_to_end(client, out[0], err[0]);
    close(out[0]);
    close(err[0]);
    waitpid(child, &status, 0);
    char answer[64];
    snprintf(answer, sizeof answer, "{\"ok\":true,\"op\":\"exit\",\"exit_code\":%d}",
             WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
    send_json(client, answer);
}

static void run(int client, const char* command)
{
    run_in_pipes_of(0, client, command);
}
static void run_wide(int client, const char* command)
{
    run_in_pipes_of(1 << 20, client, command);
}

static void get(int client, const char* path)
{
    recv(client, buffer, sizeof buffer, 0);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) < 0)
        fail(path);
    char answer[96];
    snprintf(answer, sizeof answer, "{\"ok\":true,\"mode\":%d,\"size\":%lld}",
             status.st_mode & 07777, (long long)status.st_size);
    send_json(client, answer);
    for (off_t left = status.st_size; left > 0;) {
        size_t of_frame = left < chunk_size ? left : chunk_size;
        left -= of_frame;
        if (!send_header(client, data_frame, of_frame, MSG_MORE))
            break;
        while (of_frame > 0) {
            const ssize_t count = sendfile(client, file, NULL, of_frame);
            if (count <= 0)
                goto out;
            of_frame -= count;
        }
    }
    send_header(client, eof_frame, 0, 0);
out:
    close(file);
}

static void put(int client, const char* path)
{
    char beside[4096];
    snprintf(beside, sizeof beside, "%s.floor", path);
    recv(client, buffer, header_size, MSG_WAITALL);
    recv(client, buffer, (unsigned char)buffer[4],
         MSG_WAITALL); /* the request: our client's is shorter than 256 bytes */
    const int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        fail(beside);
    unsigned char header[header_size];
    while (recv(client, header, header_size, MSG_WAITALL) == header_size &&
           header[0] == data_frame) {
        const size_t length =
            (size_t)header[1] << 24 | header[2] << 16 | header[3] << 8 | header[4];
        if (length > sizeof buffer || recv(client, buffer, length, MSG_WAITALL) != (ssize_t)length)
            break;
        if (write(file, buffer, length) != (ssize_t)length)
            fail(beside);
    }
    fchmod(file, 0644);
    close(file);
    if (rename(beside, path) < 0)
        fail(path);
    send_json(client, "{\"ok\":true}");
}

static const struct {
    const char* name;
    void (*serve)(int client, const char* argument);
} floors[] = {{"get", get}, {"ping", ping}, {"put", put}, {"run", run}, {"stdout", run_wide}};

static int listen_on(const char* path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(path);
    if (listener < 0 || bind(listener, (struct sockaddr*)&address, sizeof address) < 0 ||
        listen(listener, 128) < 0)
        fail(path);
    return listener;
}

int main(int argc, char** argv)
{
    if (argc < 3)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof floors / sizeof *floors; ++i) {
        if (strcmp(argv[1], floors[i].name) != 0)
            continue;
        const int listener = listen_on(argv[2]);
        for (;;) {
            const int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            if (client < 0)
                fail("accept");
            floors[i].serve(client, argc > 3 ? argv[3] : "");
            close(client);
        }
    }
    return 2;
}
