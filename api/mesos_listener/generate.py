"""Writes the code generated from taskinfo.proto: `python -m api.mesos_listener.generate [DIRECTORY]`.

Needs grpcio-tools (group `dev`). Without DIRECTORY the committed files are replaced.
"""

import sys
from pathlib import Path

PROTO = "api/mesos_listener/taskinfo.proto"
GENERATED = ("taskinfo_pb2.py", "taskinfo_pb2.pyi", "taskinfo_pb2_grpc.py")


def generate(root: Path, output: Path) -> None:
    """Generate the files of `root`'s contract below `output`, in the same tree."""
    # Only people who change the contract need the compiler; the package does not depend on it.
    from grpc_tools import protoc  # type: ignore[import-untyped]

    arguments = ["protoc", f"-I{root}", f"--python_out={output}", f"--pyi_out={output}", f"--grpc_python_out={output}"]
    if protoc.main([*arguments, PROTO]) != 0:
        raise SystemExit(f"protoc refused {PROTO}; its message stands above")


if __name__ == "__main__":
    here = Path(__file__).resolve().parents[2]
    generate(here, Path(sys.argv[1]) if len(sys.argv) > 1 else here)
