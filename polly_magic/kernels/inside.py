"""What the container runs: it starts the kernel, and ends it with whoever holds the container.

Whoever started the container holds its standard input, and never writes to it. Its end says that nobody is there any
more: Jupyter was killed, say. The kernel is a child, so that its end is seen even while it is deep in a computation, so
that a signal reaches the programs it started too, and so that orphans are reaped.

Runs on any Python 3 that an image has: nothing of this package, and no syntax younger than 3.6.
"""

import os
import runpy
import signal
import sys
from contextlib import suppress

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib would cost 10 ms of every start
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def main(connection_file: str) -> None:
    """Start the kernel, and wait for its end or the owner's."""
    held = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    kernel = os.fork()
    if kernel == 0:
        os.setpgid(0, 0)
        os.close(held)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        run_kernel(connection_file)
        return

    def pass_on(number: int, _: object) -> None:
        with suppress(OSError):  # it has ended this moment
            os.killpg(kernel, number)

    def reap(_: int, __: object) -> None:
        while True:
            try:
                ended, status = os.waitpid(-1, os.WNOHANG)
            except OSError:
                return
            if ended == kernel:
                os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
            if ended == 0:
                return

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    signal.signal(signal.SIGCHLD, reap)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    while os.read(held, 1024):
        pass
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    pass_on(signal.SIGKILL, None)
    os._exit(128 + signal.SIGKILL)


def run_kernel(connection_file: str) -> None:
    """Be the kernel, as ``python -m ipykernel_launcher`` would."""
    sys.argv = ["ipykernel_launcher", "-f", connection_file]
    sys.path[0] = ""
    if sys.version_info >= (3, 10):  # noqa: UP036 - what polly-magic needs, not what this file does
        # Last: a polly-magic that the image has goes first.
        sys.path.append(os.path.join(HERE, "polly_magic.zip"))  # noqa: PTH118
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1])
