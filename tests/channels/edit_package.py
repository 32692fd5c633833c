"""Edits a package as an attacker with upload rights could, so that the result is well-formed.

    edit_package.py IN OUT OPERATION...

IN may be "-" for a package without files.

An operation is one of: set PATH TEXT, sub PATH "OLD => NEW", remove PATH, mode PATH OCTAL. A wheel's RECORD is written
anew, so that it agrees with the edited files.
"""

import base64
import gzip
import hashlib
import io
import sys
import tarfile
import zipfile


# The gzip header of Helm: an extra field and a comment.
HELM_EXTRA = b"+aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo="
HELM_HEADER = b"\x1f\x8b\x08\x14\0\0\0\0\0\xff" + len(HELM_EXTRA).to_bytes(2, "little") + HELM_EXTRA + b"Helm\0"


def record_of(files, path):
    lines = []
    for name, content in files.items():
        if name == path:
            continue
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    return "".join(lines + [f"{path},,\n"]).encode()


def read(path):
    if path == "-":
        return {}, {}
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            return {it.filename: archive.read(it) for it in infos}, {it.filename: it.external_attr >> 16 for it in infos}
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        return {it.name: archive.extractfile(it).read() for it in members}, {it.name: it.mode for it in members}


def write_zip(path, files, modes):
    """Writes the form of hatchling, or of Go if the file ends in .zip: with data descriptors."""
    is_go = path.endswith(".zip")
    target = io.BytesIO()
    with zipfile.ZipFile(Unseekable(target) if is_go else target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0) if is_go else (2020, 2, 2, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 0 if is_go else 3
            info.external_attr = modes.get(name, 0o100644) << 16
            if is_go:
                with archive.open(info, "w") as member:
                    member.write(content)
                info.external_attr = 0
            else:
                archive.writestr(info, content)
    with open(path, "wb") as out:
        out.write(target.getvalue())


class Unseekable(io.RawIOBase):
    """A stream that cannot seek, for which zipfile writes data descriptors, as Go does."""

    def __init__(self, target):
        self.target = target

    def writable(self):
        return True

    def write(self, data):
        return self.target.write(data)


def write_tar(path, files, modes):
    is_chart = any(it.count("/") == 1 and it.endswith("/Chart.yaml") for it in files)
    content = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, content, 1580601600) as packed:
        with tarfile.TarFile(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size, info.mode, info.mtime = len(data), modes.get(name, 0o644), 1580601600
                archive.addfile(info, io.BytesIO(data))
    packed = content.getvalue()
    with open(path, "wb") as out:
        out.write(HELM_HEADER + packed[10:] if is_chart else packed)



def main(source, target, operations):
    files, modes = read(source)
    while operations:
        operation, path, *operations = operations
        if operation == "remove":
            del files[path]
        elif operation == "mode":
            value, *operations = operations
            modes[path] = int(value, 8)
        elif operation == "sub":
            value, *operations = operations
            old, new = value.encode().split(b" => ")
            assert old in files[path], f"{old} is not in {files[path]}"
            files[path] = files[path].replace(old, new, 1)
        else:
            value, *operations = operations
            files[path] = value.encode()
    for path in [it for it in files if it.endswith(".dist-info/RECORD")]:
        files[path] = record_of(files, path)
    writer = write_tar if target.endswith(("tar.gz", "tgz")) else write_zip
    writer(target, files, modes)


main(sys.argv[1], sys.argv[2], sys.argv[3:])
