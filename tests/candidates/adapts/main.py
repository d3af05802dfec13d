"""A module whose garbage collector adapts to the memory limit, as those of Node, Java and .NET do.

It keeps 40 MiB and makes 1,500 MiB of cyclic garbage before it listens. Garbage is collected whenever the heap has grown
to 60 % of the limit, or of 400 MiB where there is no limit: the less memory, the more often, and the slower the start.
"""

import _signal
import _socket
import gc
import posix

MIB = 1 << 20
LIVE = 40 * MIB
GARBAGE = 1500 * MIB
BLOCK = 64 << 10
MOST = 400 * MIB
# So many live objects the collector walks every time, which takes it a few milliseconds.
WALKED = 200_000


def limit():
    """The memory limit of this container, cgroup v2 or v1; MOST if there is none."""
    for path in "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes":
        try:
            with open(path) as file:
                text = file.read().strip()
        except OSError:
            continue
        if text != "max":
            return min(int(text), MOST)
    return MOST


def cycle():
    """One block of garbage that only the collector can free: a list that holds itself."""
    block = [bytearray(b"\xa5" * BLOCK)]
    block.append(block)


def churn(room):
    """Makes all the garbage, and collects it whenever there is no room left."""
    collections = 0
    waiting = 0
    for _ in range(GARBAGE // BLOCK):
        cycle()
        waiting += BLOCK
        if waiting >= room:
            gc.collect()
            collections += 1
            waiting = 0
    gc.collect()
    return collections + 1


def serve():
    """Answers every caller on TCP port 8080, for ever."""
    listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", 8080))
    listener.listen(8)
    print("adapts: listening on TCP port 8080", flush=True)
    while True:
        number, _ = listener._accept()
        posix.write(number, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")
        posix.close(number)


_signal.signal(_signal.SIGTERM, lambda *_: posix._exit(0))
gc.disable()
live = [bytearray(b"\xa5" * BLOCK) for _ in range(LIVE // BLOCK)]
walked = [[] for _ in range(WALKED)]
heap = limit() * 6 // 10
room = max(heap - LIVE, MIB)
print(f"adapts: a heap of {heap // MIB} MiB took {churn(room)} collections", flush=True)
serve()
