# SPDX-License-Identifier: Apache-2.0
"""libvirt's daemon in session mode, without root, systemd, polkit and D-Bus, and one guest of it; nothing is left behind.

    with Libvirt(cache / "amd64", files) as libvirt:
        libvirt.start()
        libvirt.virsh("domhostname", "--source", "agent")

Started by root, daemon and guest are nobody's.
"""
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

import initramfs
from tap import eventually

domain = """
<domain type='qemu'>
  <name>guest</name><memory unit='MiB'>192</memory><vcpu>2</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{folder}/kernel</kernel><initrd>{folder}/initramfs</initrd>
    <cmdline>console=ttyS0 quiet panic=-1 cryptomgr.notests</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='custom' match='exact' check='none'><model fallback='allow'>qemu64</model></cpu>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot>
  <devices>
    <emulator>{emulator}</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' discard='unmap'/>
      <source file='{folder}/disk'/><target dev='vda' bus='virtio'/>
    </disk>
    <interface type='user'><mac address='52:54:00:12:34:56'/><model type='virtio'/></interface>
    <serial type='file'><source path='{folder}/console'/></serial>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <channel type='unix'>
      <source mode='bind' path='{folder}/frames'/><target type='virtio' name='org.bellhop.frames'/>
    </channel>
    <controller type='usb' model='none'/><memballoon model='none'/>
  </devices>
</domain>
"""


class Libvirt:
    def __init__(self, cache, files):
        self._cache, self._files = cache, files
        self._daemon = None

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bellhop-libvirt-test."))
        try:
            self._furnish()
            self._start_daemon()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._daemon:
            self.virsh("destroy", checked=False)
            self._daemon.terminate()
            try:
                self._daemon.wait(20)
            except subprocess.TimeoutExpired:
                self._daemon.kill()
                self._daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def virsh(self, command, *words, checked=True):
        """What it prints. checked=False: also when it fails, with what it complains of."""
        argv = [*self._as_user(), "virsh", "-c", "qemu:///session", command, "guest", *map(str, words)]
        done = subprocess.run(argv, env=self._environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=50)
        if checked and done.returncode != 0:
            raise AssertionError(f"virsh {command}: {done.stderr}{self.console()}")
        return done.stdout if checked else done.stdout + done.stderr

    def start(self):
        argv = [*self._as_user(), "virsh", "-c", "qemu:///session", "define", self.folder / "domain.xml"]
        subprocess.run(argv, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True,
                       timeout=50)
        self.virsh("start")
        self.wait_for_agent()

    def agent_is_there(self):
        channel = self.virsh("dumpxml").split("name='org.qemu.guest_agent.0'")[1]
        return channel.startswith(" state='connected'")

    def wait_for_agent(self, there=True):
        eventually(lambda: self.agent_is_there() == there, seconds=40, what=f"the agent's state {there}")

    def console(self):
        path = self.folder / "console"
        return path.read_text(errors="replace").replace("\r", "") if path.exists() else ""

    def _furnish(self):
        (self.folder / "initramfs").write_bytes(initramfs.build(self._cache, "", self._files))
        shutil.copy(self._cache / "kernel", self.folder)    # the cache may be in a home directory
        emulator = shutil.which("qemu-system-x86_64")
        (self.folder / "domain.xml").write_text(domain.format(folder=self.folder, emulator=emulator))
        for name in ("run", "config/libvirt"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "config/libvirt/libvirtd.conf").write_text('auth_unix_rw = "none"\n')
        # No virtlogd, no AppArmor.
        (self.folder / "config/libvirt/qemu.conf").write_text('stdio_handler = "file"\nsecurity_driver = "none"\n')

    def own(self, path):
        """Gives a file to the daemon's user."""
        if os.geteuid() == 0:
            shutil.chown(path, "nobody", pwd.getpwnam("nobody").pw_gid)

    def _as_user(self):
        command = ["setpriv", "--pdeathsig", "KILL"]
        if os.geteuid() == 0:
            command += ["--reuid", "nobody", "--regid", str(pwd.getpwnam("nobody").pw_gid), "--clear-groups"]
        return command

    def _start_daemon(self):
        for path in [self.folder, *self.folder.rglob("*")]:
            self.own(path)
        self._environment = {
            "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder / "run"), "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XDG_CACHE_HOME": str(self.folder / "cache"), "XDG_DATA_HOME": str(self.folder / "data")}
        self._log = self.folder / "log"
        with open(self._log, "wb") as log:
            argv = [*self._as_user(), "libvirtd", "-f", self.folder / "config/libvirt/libvirtd.conf",
                    "-p", self.folder / "run/pid"]
            self._daemon = subprocess.Popen(argv, env=self._environment, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        eventually((self.folder / "run/libvirt/libvirt-sock").exists, seconds=20, what="libvirtd's socket")
