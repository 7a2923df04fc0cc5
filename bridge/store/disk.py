"""Where SQLite's file is: SQLite needs a disk of this machine, since its locks are this machine's."""

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
# Shared with other machines or with the host of a virtual one, by the names that the kernel gives them.
_OF_A_NETWORK = frozenset({
    "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs", "gfs2", "glusterfs", "gpfs",
    "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "pvfs2", "smb3", "smbfs", "vboxsf", "vmhgfs",
})  # fmt: skip
# What stands behind `fuse.` is the name of a program; most of the others serve a disk of this machine.
_FUSE_OF_A_NETWORK = frozenset({
    "afp", "beegfs", "blobfuse", "blobfuse2", "ceph", "ceph-fuse", "curlftpfs", "davfs", "davfs2", "gcsfuse",
    "geesefs", "gfarm2fs", "glusterfs", "goofys", "hdfs", "juicefs", "lizardfs", "mfs", "mount-s3",
    "mountpoint-s3", "rclone", "s3fs", "seaweedfs", "smbnetfs", "sshfs", "vmhgfs-fuse",
})  # fmt: skip


def network_disk(path: Path) -> str | None:
    """The kind of network disk that `path` is or would be on, such as `nfs`. None: a local one, or nobody can tell."""
    try:
        mounts = _MOUNTS.read_text("utf-8", "surrogateescape")
    except OSError:
        return None
    return kind_if_of_a_network(path.resolve().parent, mounts)


def kind_if_of_a_network(folder: Path, mounts: str) -> str | None:
    """The same for the folder, by the text of Linux's mountinfo (man 5 proc)."""
    found, kind = -1, ""
    for line in mounts.splitlines():
        ours, _, theirs = line.partition(" - ")
        # Blanks in a path are written as \040.
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), ours.split()[4])
        # The longest path; of several mounts at one place the last hides the others.
        if folder.is_relative_to(point) and len(point) >= found:
            found, kind = len(point), theirs.split()[0]
    _, _, program = kind.partition("fuse.")
    return kind if kind in _OF_A_NETWORK or program in _FUSE_OF_A_NETWORK else None


def boot() -> str | None:
    """What tells this machine's present run from all others, the same in all its containers. None if nothing does."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return None


def is_folder(path: Path) -> bool:
    """Whether there is a folder that this process may enter."""
    return os.access(path / ".", os.X_OK)


def is_writable(path: Path) -> bool:
    """Whether this process may write the file or into the folder."""
    return os.access(path, os.W_OK)
