# SPDX-License-Identifier: Apache-2.0
"""A fresh Debian in a folder, and commands in it: by its own root, in namespaces that end with the command.

Works as root and, by a user namespace with the caller's /etc/subuid, as anybody else.
"""
import os
import re
import subprocess

_USER = [] if os.geteuid() == 0 else ["--map-root-user", "--map-auto"]
_MOUNT = """mount --rbind /dev "$0/dev"; mount -t proc proc "$0/proc"; exec """
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "SHELL": "/bin/sh",
                "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


def run(*command, code=0, **popen):
    """Its output, both streams together; raises when it ends with another code."""
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, errors="replace", **popen)
    if ran.returncode != code:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {ran.returncode}:\n{ran.stdout[-6000:]}")
    return ran.stdout


def mirror():
    """The Debian mirror that apt uses here."""
    targets = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
    found = [uri for uri in targets.split() if re.search(r"/debian/*$", uri)]
    assert found, f"apt knows no Debian mirror:\n{targets}"
    return found[0]


def make_tarball(suite, file):
    run("mmdebstrap", "--quiet", "--variant=apt", "--skip=cleanup/apt/lists", suite, file, f"deb {mirror()} {suite} main")


class Root:
    def __init__(self, tarball, folder):
        self.folder = folder
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        # Device nodes cannot be made in a user namespace, and the host's are there when a command runs.
        run("unshare", *_USER, "tar", "-x", "-f", tarball, "-C", folder, "--exclude=./dev/*")
        self.write("etc/resolv.conf", open("/etc/resolv.conf", "rb").read())

    def at(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        # By tee: as anybody else the files in there are not ours.
        subprocess.run(["unshare", *_USER, "tee", self.at(name)], input=content, stdout=subprocess.DEVNULL, check=True)

    def copy(self, *files, to):
        run("unshare", *_USER, "cp", "--no-preserve=ownership", *files, self.at(to))

    def run(self, *command, code=0):
        return self.run_outside("chroot", self.folder, *command, code=code)

    def run_outside(self, *command, code=0):
        """With the same namespaces and mounts: for what enters the folder by itself."""
        return run("unshare", *_USER, "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", _MOUNT + '"$@"', self.folder,
                   *command, code=code, env=_ENVIRONMENT)

    def shell(self, script, *words, code=0):
        return self.run("sh", "-euc", script, "sh", *words, code=code)

    def read(self, name):
        return self.run("cat", f"/{name}")

    def files(self):
        """What there is, and what a package manager does not touch by itself."""
        listed = self.run("find", "/", "-xdev", "-path", "/proc", "-prune", "-o", "-path", "/dev", "-prune", "-o",
                          "-path", "/var/lib/apt", "-prune", "-o", "-path", "/var/lib/dpkg", "-prune", "-o",
                          "-path", "/var/cache", "-prune", "-o", "-path", "/var/log", "-prune", "-o",
                          "-path", "/tmp/*", "-prune", "-o", "-name", "ld.so.cache", "-prune", "-o", "-print")
        return set(listed.splitlines())

    def remove(self):
        subprocess.run(["unshare", *_USER, "rm", "-rf", self.folder], check=False)
