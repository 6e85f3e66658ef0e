#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns a packaged kernel into the image that QEMU starts fastest: on amd64 the ELF vmlinux in the bzImage,
so that nothing is decompressed in the slow emulated guest; on arm64 the plain Image.

    extract_kernel.py VMLINUZ OUTPUT

Follows the boot protocol (Documentation/arch/x86/boot.rst): setup_sects, payload_offset and payload_length.
The kernel's build appends the unpacked size, four bytes, to what lz4, zstd and xz have written.
"""
import lzma
import struct
import subprocess
import sys
import zlib


def decompress(payload):
    if payload.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor().decompress(payload)
    if payload.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(wbits=31).decompress(payload)
    if payload.startswith(b"\x02\x21\x4c\x18"):
        return subprocess.run(["lz4", "-dc"], input=payload[:-4], stdout=subprocess.PIPE, check=True).stdout
    if payload.startswith(b"\x28\xb5\x2f\xfd"):
        return subprocess.run(["zstd", "-dc"], input=payload[:-4], stdout=subprocess.PIPE, check=True).stdout
    raise SystemExit(f"unknown compression of the kernel: {payload[:6].hex()}")


def bz_image_payload(image):
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    return image[start:start + length]


def extract(image):
    if image[0x202:0x206] == b"HdrS":
        vmlinux = decompress(bz_image_payload(image))
        return vmlinux[vmlinux.index(b"\x7fELF"):]
    if image[4:8] == b"zimg":  # an EFI zboot image: offset and size of its payload follow
        offset, length = struct.unpack_from("<II", image, 8)
        return decompress(image[offset:offset + length])
    return image


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as packaged:
        extracted = extract(packaged.read())
    with open(sys.argv[2], "wb") as output:
        output.write(extracted)
