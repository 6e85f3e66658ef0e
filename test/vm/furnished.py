# SPDX-License-Identifier: Apache-2.0
"""What a guest gets beyond BusyBox and a kernel: an init that obeys, accounts, an ext4 disk, programs of the host's."""
import re
import subprocess

# Process 1 is BusyBox's init, so that its poweroff, halt and reboot work. `setup` runs first; /agent is kept running.
_init = """#!/bin/busybox sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
busybox mount -t proc proc /proc  # where --install finds its own path
busybox --install -s
mount -t devtmpfs dev /dev
mount -t sysfs sys /sys
mkdir -p /etc /run
echo "::respawn:/agent" > /etc/inittab
{setup}
echo "init: started"
exec busybox init
"""

accounts = """
rm -f /bin/passwd /sbin/passwd /usr/bin/passwd /usr/sbin/passwd  # so that it is the agent that writes the shadow file
echo "root:x:0:0:root:/root:/bin/sh" > /etc/passwd
echo "root:*:19000:0:99999:7:::" > /etc/shadow
echo "root:x:0:" > /etc/group
chmod 600 /etc/shadow
"""

mount_disk = """
modprobe virtio_blk
until [ -e /dev/vda ]; do usleep 10000; done
mkdir -p /mnt/data
mount -t ext4 /dev/vda /mnt/data
"""


def wait_for_ports(*names):
    return "".join(f"until grep -qs {name} /sys/class/virtio-ports/*/name; do usleep 10000; done\n" for name in names)


def busybox_init(folder, setup, agent):
    """The files {path in the guest: path here} of such a guest; `agent` is the body of /agent."""
    (folder / "init").write_text(_init.format(setup=setup))
    (folder / "agent").write_text(f"#!/bin/sh\n{agent}\n")
    return {"init": folder / "init", "agent": folder / "agent"}


def ext4_disk(path):
    with open(path, "wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", path], check=True)


def allocated(path):
    """Bytes that the file takes on the host's disk."""
    return path.stat().st_blocks * 512


def with_libraries(*programs):
    """The files, as of busybox_init(), that these programs of the host's need, and they themselves."""
    files = {str(program).lstrip("/"): program for program in programs}
    for program in programs:
        said = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
        for path in re.findall(r"(/\S+) \(0x", said):
            files[path.lstrip("/")] = path
    return files


def password_of(shadow, user="root"):
    return next(line.split(":")[1] for line in shadow.splitlines() if line.startswith(user + ":"))


def crypted(password, salt):
    command = ["openssl", "passwd", "-6", "-salt", salt, "-stdin"]
    return subprocess.run(command, check=True, capture_output=True, text=True, input=password).stdout.strip()


def is_password(shadow, password):
    """Whether it is root's, by SHA-512 as crypt(5) has it."""
    found = password_of(shadow)
    return found.startswith("$6$") and found == crypted(password, found.split("$")[2])
