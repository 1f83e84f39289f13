# Runs a command in a pseudo terminal and copies its output to stdout. Lines on stdin control it:
# "stop" stops reading the terminal, as Ctrl-S or a closed laptop does, "go" reads on, "interrupt"
# types Ctrl-C. Ends with the exit code of the command.
import os
import pty
import select
import sys

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])

reading = True
watching = True
while True:
    inputs = ([terminal] if reading else []) + ([sys.stdin.fileno()] if watching else [])
    ready, _, _ = select.select(inputs, [], [], 0.2)
    if terminal in ready:
        try:
            output = os.read(terminal, 65536)
        except OSError:
            output = b""
        if output == b"":
            break
        os.write(sys.stdout.fileno(), output)
    if watching and sys.stdin.fileno() in ready:
        line = os.read(sys.stdin.fileno(), 4096).decode()
        watching = line != ""
        for word in line.split():
            if word == "interrupt":
                os.write(terminal, b"\x03")
            else:
                reading = word == "go"
    if not reading:
        # A command that ends while nobody reads its terminal.
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended != 0:
            sys.exit(os.waitstatus_to_exitcode(status))

_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
