# SPDX-License-Identifier: Apache-2.0
"""Xen's hypervisor in QEMU's emulator, with Linux as dom0 and one paravirtual guest, which is domain 1.

    with XenHost(cache, "bellhop --at xenstore:1 wait", {"bin/bellhop": tool},
                 "bellhop-agent --listen xenstore:=nova", {"bin/bellhop-agent": agent}) as host:
        host.wait_for("...")

What the guest says on its console is in dom0's guest_log.
"""
import pathlib
import tempfile

import initramfs
from guest import Guest, kernel_words

guest_log = "/var/log/xen/guest-guest.log"

# xenstored must answer before anybody else opens its device, which blocks in the kernel, and before xen-init-dom0,
# which makes the pool of CPUs that xl puts a domain into. The console needs /dev/pts.
_dom0 = """
modprobe -a xen_privcmd xen_evtchn xen_gntdev xen_gntalloc xenfs
mkdir -p /dev/pts /var/lib/xen /var/log/xen /var/lock /var/run/xen /run/xen /run/xenstored /var/run/xenstored /etc/xen
mount -t devpts devpts /dev/pts
mount -t xenfs xenfs /proc/xen
: > /etc/xen/xl.conf
export LD_LIBRARY_PATH=/xen/lib PATH=$PATH:/xen/bin LIBXL_SAVE_HELPER=/xen/bin/libxl-save-helper
xenstored
until xenstore-ls /tool > /dev/null 2>&1; do usleep 50000; done
xen-init-dom0 > /dev/null
xenconsoled --log=guest --log-dir=/var/log/xen
cat > /guest.cfg << END
name = "guest"
memory = 192
kernel = "/guest.kernel"
ramdisk = "/guest.initramfs"
extra = "console=hvc0 {kernel_words}"
END
xl create /guest.cfg
echo "dom0: guest created, $?"
"""


class XenHost(Guest):
    _memory = "1G"

    def __init__(self, cache, script, files, guest_script, guest_files):
        """As Guest's: dom0's script and files, and the domain's."""
        self._domain = guest_script, guest_files
        unpacked = {f"xen/{kind}/{path.name}": path for kind in ("bin", "lib") for path in (cache / kind).iterdir()}
        loader = "ld-linux-x86-64.so.2"
        files = files | unpacked | {f"lib64/{loader}": unpacked[f"xen/lib/{loader}"], "guest.kernel": cache / "kernel"}
        super().__init__(cache, _dom0.format(kernel_words=kernel_words) + script, files)

    def _boot(self):
        with tempfile.NamedTemporaryFile(prefix="bellhop-domain.") as file:
            file.write(initramfs.build(self._cache, *self._domain))
            file.flush()
            self._files["guest.initramfs"] = pathlib.Path(file.name)
            super()._boot()

    def _kernel(self, console, archive):
        """A multiboot kernel's modules have their words behind their names."""
        words = "console=com1 com1=115200,8n1 dom0_mem=640M,max:640M dom0_max_vcpus=1 loglvl=error noreboot"
        modules = f"{self._cache / 'kernel'} console={console} {kernel_words},{archive}"
        return ["-kernel", self._cache / "hypervisor", "-append", words, "-initrd", modules]
