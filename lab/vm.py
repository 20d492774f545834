#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Boot the guest, run scenarios in it, and judge.

A scenario has passed when its KTAP has a plan that its results fill, no result
is "not ok", it ends with status 0, the kernel log is free of what splat.deny
names (but for what splat.allow excuses), and the machine powers down in time.
Whatever is missing is a failure: a guest that stops speaking has failed.
"""
import argparse
import datetime
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

LAB = os.path.dirname(os.path.abspath(__file__))
# The watchdog of clocksources waits for the other processor by a clock that stands still
# while the first of them is chosen, on all processors at once: 7.3 can hang there for good
KERNEL_PARAMETERS = "console=ttyS0 panic=-1 oops=panic unknown_nmi_panic tsc=nowatchdog"


class Failure(Exception):
    """The run is over and has failed."""


def load_args(path):
    with open(path, encoding="utf-8") as f:
        return [a for line in f if not line.startswith("#") for a in shlex.split(line)]


class Words:
    """What two guests that share a device tell each other."""

    def __init__(self):
        self.said = set()
        self.changed = threading.Condition()

    def say(self, word):
        with self.changed:
            self.said.add(word)
            self.changed.notify_all()
        return "ok said"

    def wait(self, word, seconds):
        with self.changed:
            if self.changed.wait_for(lambda: word in self.said, seconds):
                return "ok heard"
        return f"error nobody has said {word}"


class Channel:
    """Lines to and from the agent, over a unix socket that QEMU listens on."""

    def __init__(self, path, deadline):
        self.buf = b""
        self.sock = connect(path, deadline)

    def send(self, line):
        self.sock.sendall(line.encode() + b"\n")

    def lines(self, deadline):
        while True:
            while b"\n" in self.buf:
                line, self.buf = self.buf.split(b"\n", 1)
                yield line.decode(errors="replace").rstrip("\r")
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failure("the guest has stopped speaking (time is up)")
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(65536)
            except (socket.timeout, TimeoutError):
                continue
            if not data:
                raise Failure("the guest has gone")
            self.buf += data


class Qmp:
    def __init__(self, path, deadline):
        sock = connect(path, deadline)
        sock.settimeout(60)
        self.file = sock.makefile("rw", encoding="utf-8")
        self.file.readline()
        self.execute({"execute": "qmp_capabilities"})

    def execute(self, command):
        self.file.write(json.dumps(command) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "return" in answer or "error" in answer:
                return answer


def connect(path, deadline):
    while True:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(path)
            return sock
        except OSError as error:
            sock.close()
            if time.monotonic() > deadline:
                raise Failure(f"cannot reach the guest: {error}") from error
            time.sleep(0.05)


class Ktap:
    """Count the results of one scenario. Nested results count with their parent."""

    def __init__(self):
        self.plan = None
        self.results = []
        self.totals = False

    def line(self, text):
        if m := re.match(r"1\.\.(\d+)", text):
            self.plan = int(m[1])
        elif m := re.match(r"(ok|not ok) (\d+)\s*-?\s*(.*)", text):
            skip = re.search(r"# SKIP", m[3])
            self.results.append(("skip" if skip else "pass" if m[1] == "ok" else "fail", m[3]))
        elif text.startswith("# Totals: "):
            self.totals = True

    def verdict(self, status):
        if self.plan is None:
            return "no plan"
        if not self.results:
            return "no result"
        if self.plan != len(self.results):
            return f"{len(self.results)} results, {self.plan} planned"
        if not self.totals:
            return "no end marker"
        if status != 0:
            return f"ended with status {status}"
        return None


class Splats:
    """What a kernel log must not contain, and what is excused for now."""

    def __init__(self):
        self.deny = re.compile("|".join(f"(?:{p})" for p in self.read("splat.deny")))
        self.allow = []
        for entry in self.read("splat.allow"):
            expiry, reason, pattern = [f.strip() for f in entry.split("|", 2)]
            if not reason:
                raise SystemExit(f"splat.allow: no reason for {pattern}")
            if datetime.date.fromisoformat(expiry) >= datetime.date.today():
                self.allow.append(re.compile(pattern))

    @staticmethod
    def read(name):
        with open(os.path.join(LAB, name), encoding="utf-8") as f:
            return [l.strip() for l in f if l.strip() and not l.startswith("#")]

    def find(self, log):
        with open(log, encoding="utf-8", errors="replace") as f:
            lines = f.read().splitlines()
        if not any("Linux version" in l for l in lines):
            return ["the kernel log is empty"]
        found, excused = [], 0
        for i, l in enumerate(lines, 1):
            if any(a.search(l) for a in self.allow):
                # with its trace: a warning has an end, others have one at once
                excused = len(lines) if "WARNING:" in l else i + 12
            elif self.deny.search(l) and i > excused:
                found.append(f"line {i}: {l}")
            if "end trace" in l:
                excused = 0
        return found


class Machine:
    def __init__(self, opts, log):
        self.opts = opts
        self.log = log
        self.dir = tempfile.TemporaryDirectory(prefix="lab.")
        self.path = lambda name: os.path.join(self.dir.name, name)
        self.initrd = self.join(opts.initrd)
        self.qemu = None

    def join(self, parts):
        """Archives one behind the other are one initramfs; a name alone is beside the first."""
        if len(parts) == 1:
            return parts[0]
        with open(self.path("initrd"), "wb") as out:
            for part in parts:
                with open(os.path.join(os.path.dirname(parts[0]), part), "rb") as f:
                    shutil.copyfileobj(f, out)
        return out.name

    def command(self):
        opts = self.opts
        args = shlex.split(opts.qemu) + [a.replace("@SHARED@", opts.shared or "") for a in
                                         load_args(os.path.join(LAB, "topology", opts.topology + ".args"))]
        # Nothing here calculates with vectors: without them, a task is switched sooner.
        # "Fast strings" go byte by byte in emulation, where words are copied otherwise,
        # and to let the kernel at user memory for a moment ends a block of translation.
        # A distribution's kernel takes AVX without asking whether there is XSAVE.
        cpu = "host" if opts.accel == "kvm" else "max" if opts.disk else "max,-xsave,-erms,-fsrm,-smap,-smep"
        args += ["-accel", opts.accel, "-cpu", cpu,
                 "-nodefaults", "-display", "none", "-no-user-config",
                 "-kernel", opts.kernel, "-initrd", self.initrd,
                 "-append", " ".join([KERNEL_PARAMETERS, *opts.append]),
                 "-qmp", f"unix:{self.path('qmp')},server=on,wait=off",
                 "-device", "virtio-serial-pci,bus=pcie.0",
                 "-chardev", f"socket,id=lab,path={self.path('lab')},server=on,wait=off",
                 "-device", "virtserialport,chardev=lab,name=lab"]
        if opts.disk:
            args += ["-drive", f"if=none,id=disk,file={opts.disk},format=raw,cache=unsafe",
                     "-device", "virtio-blk-pci,bus=pcie.0,drive=disk,serial=disk"]
        if opts.kexec:
            for name, file in ("kernel", opts.kernel), ("initrd", self.initrd):
                args += ["-drive", f"if=none,id={name},file={file},format=raw,readonly=on",
                         "-device", f"virtio-blk-pci,bus=pcie.0,drive={name},serial={name}"]
        elif not opts.reboots:
            args.append("-no-reboot")
        if opts.shell:
            return args + ["-serial", "mon:stdio"]
        return args + ["-chardev", f"file,id=log,path={self.log}", "-serial", "chardev:log"]

    def start(self):
        out = None if self.opts.shell else open(self.log + ".qemu", "w", encoding="utf-8")
        self.qemu = subprocess.Popen(self.command(), stdin=None if self.opts.shell else subprocess.DEVNULL,
                                     stdout=out, stderr=out)

    def stop(self, seconds):
        """Wait for a clean end; say what was wrong with it."""
        try:
            status = self.qemu.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return "the machine did not power down in time"
        return f"QEMU ended with status {status}" if status else None

    def kill(self):
        if self.qemu and self.qemu.poll() is None:
            self.qemu.send_signal(signal.SIGKILL)
            self.qemu.wait()


class Run:
    def __init__(self, opts, words=None):
        self.opts = opts
        self.words = words or Words()
        self.results = {}   # name of a test: pass, skip or fail
        self.times = {}     # of each scenario, in seconds
        self.rebooting = False

    def report(self, text):
        print(text, flush=True)

    def result(self, verdict, scenario, what):
        """Names are unique: the second of two alike has a number."""
        name = f"{scenario}/{' '.join(what.split())}"
        first, n = name, 1
        while name in self.results:
            n += 1
            name = f"{first} ({n})"
        self.results[name] = verdict
        if verdict == "fail":
            self.report(f"  FAILED {self.opts.name}/{name}")

    def count(self, verdict, below=""):
        return sum(v == verdict and n.startswith(below) for n, v in self.results.items())

    def answer(self, request, qmp):
        verb, _, rest = request.partition(" ")
        if verb == "say":
            return self.words.say(rest)
        if verb == "wait":
            return self.words.wait(rest, self.opts.boot_timeout)
        if verb == "reboot":
            self.rebooting = True
            return "ok expected"
        if verb == "qmp":
            answer = qmp.execute(json.loads(rest))
            return ("error " if "error" in answer else "ok ") + json.dumps(answer)
        if verb == "keep" and self.opts.keep:
            with open(self.opts.keep, "a", encoding="utf-8") as f:
                f.write(rest + "\n")
            return "ok kept"
        return f"error the host does not know {verb}"

    def scenario(self, name, channel, qmp, deadline):
        ktap, began, said = Ktap(), time.monotonic(), []
        channel.send(f"run {name}")
        status = None
        for line in channel.lines(deadline):
            kind, _, rest = line.partition(" ")
            if kind == "|":
                ktap.line(rest)
                if not self.opts.quiet:
                    self.report(f"    {self.opts.mark}{rest}")
                    continue
                # what a test has said matters when it has failed
                said.append(rest)
                if rest.startswith(("not ok", "# cannot")):
                    for text in said[-20:]:
                        self.report(f"    {self.opts.name}: {text}")
                if rest.startswith(("ok", "not ok", "# cannot")):
                    said = []
            elif kind == "ask":
                channel.send(self.answer(rest, qmp))
            elif kind == "exit":
                status = int(rest)
                break
            elif kind == "hello":
                # the end of a scenario that has announced it, see /lab/lib
                if not self.rebooting:
                    raise Failure("the guest has rebooted")
                self.rebooting = False
                status = 0
                break
        known = Splats.read("skips")
        for result, what in ktap.results:
            if result == "skip" and f"{name}: {what}" not in known:
                result, what = "fail", f"{what}: skipped, and not on the list of skips"
            self.result(result, name, what)
        wrong = ktap.verdict(status)
        # a scenario that has failed results ends with a status of its own
        if wrong and not (status == 1 and self.count("fail", f"{name}/") and wrong.startswith("ended")):
            self.result("fail", name, wrong)
        self.times[name] = time.monotonic() - began
        self.report(f"  {self.opts.name}/{name}: {self.count('pass', name + '/')} passed, "
                    f"{self.count('fail', name + '/')} failed, {self.times[name]:.0f} s")

    def look(self, qmp, log):
        """Where the processors are of a guest that does not answer: behind its kernel log."""
        found = []
        try:
            for _ in range(3):
                answer = qmp.execute({"execute": "human-monitor-command",
                                      "arguments": {"command-line": "info registers -a"}})
                found.append(" ".join(re.findall(r"CPU#\d+|RIP=\w+|HLT=\w+", answer.get("return", ""))))
                time.sleep(1)
            # unknown_nmi_panic: the kernel says where it is
            qmp.execute({"execute": "inject-nmi"})
            time.sleep(5)
        except (OSError, ValueError):
            found.append("QEMU does not answer")
        with open(log, "a", encoding="utf-8") as f:
            f.write("".join(f"lab: {line}\n" for line in found))

    def boot(self, machine, log, deadline):
        """Wait for the guest to speak."""
        channel = Channel(machine.path("lab"), time.monotonic() + 20)
        qmp = Qmp(machine.path("qmp"), time.monotonic() + 20)
        try:
            hello = next(channel.lines(min(deadline, time.monotonic() + self.opts.boot_timeout)))
        except Failure:
            if machine.qemu.poll() is None and not Splats().find(log):
                self.look(qmp, log)
            raise
        if not hello.startswith("hello "):
            raise Failure(f"unexpected greeting: {hello}")
        return channel, qmp

    def run(self):
        opts = self.opts
        log = os.path.join(opts.logs, f"{opts.name}.log")
        if not opts.quiet:
            self.report(f"  booting {opts.name} ({opts.topology}, {opts.accel}), kernel log in {log}")
        machine = Machine(opts, log)
        if opts.shell:
            machine.start()
            return machine.qemu.wait()
        try:
            machine.start()
            deadline = time.monotonic() + opts.timeout
            channel, qmp = self.boot(machine, log, deadline)
            for name in opts.scenarios:
                self.scenario(name, channel, qmp, deadline)
            channel.send("off")
            wrong = machine.stop(max(20, deadline - time.monotonic()))
            if wrong:
                self.result("fail", "boot", wrong)
        except Failure as failure:
            self.result("fail", "boot", str(failure))
        finally:
            machine.kill()
        for splat in Splats().find(log):
            self.result("fail", "kernel log", splat)
        return self.verdict(log)

    def verdict(self, log):
        """Hand the results to the stage that this boot belongs to, as KTAP without numbers."""
        opts = self.opts
        failed = self.count("fail")
        if failed:
            self.report(f"  {opts.name}: see {log}")
        if opts.results:
            prefix = f"{opts.stage}/{opts.name}"
            words = {"pass": "ok %s", "fail": "not ok %s", "skip": "ok %s # SKIP"}
            lines = [words[v] % f"{prefix}/{n}".replace("#", "no. ") for n, v in self.results.items()]
            lines += [f"# seconds {t:.0f} {prefix}/{n}" for n, t in self.times.items()]
            lines += [f"# failed log {log}"] if failed else []
            with open(opts.results, "a", encoding="utf-8") as f:
                f.write("".join(f"{line}\n" for line in lines + [f"# booted {prefix}"]))
        return 1 if failed else 0


def run_pair(opts):
    """Two guests at once, with one file behind the memory that they share."""
    with tempfile.NamedTemporaryFile(prefix="lab.shared.") as shared:
        opts.shared, words = shared.name, Words()
        peer = argparse.Namespace(**vars(opts))
        peer.scenarios, peer.name, peer.mark = opts.peer.split("+"), opts.name + "-peer", "peer: "
        status = []
        thread = threading.Thread(target=lambda: status.append(Run(peer, words).run()))
        thread.start()
        status.append(Run(opts, words).run())
        thread.join()
        return 0 if status == [0, 0] else 1


def kvm_works(opts):
    """/dev/kvm may exist where no guest boots: only a boot in time is proof."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    with tempfile.TemporaryDirectory(prefix="lab.") as tmp:
        log = os.path.join(tmp, "log")
        args = shlex.split(opts.qemu) + ["-M", "q35", "-m", "512M", "-accel", "kvm", "-cpu", "host", "-nodefaults",
                                         "-display", "none", "-kernel", opts.kernel, "-no-reboot",
                                         "-append", "console=ttyS0 panic=-1", "-serial", f"file:{log}"]
        try:
            subprocess.run(args, timeout=8, check=False, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            pass
        try:
            with open(log, encoding="utf-8", errors="replace") as f:
                return "Unable to mount root fs" in f.read()
        except OSError:
            return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qemu", required=True, help="command line of qemu-system-x86_64")
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--initrd", required=True, action="append", help="more than one: joined")
    parser.add_argument("--topology", default="static")
    parser.add_argument("--append", action="append", default=[], help="more for the kernel command line")
    parser.add_argument("--logs", default=".")
    parser.add_argument("--name", default="guest", help="of this boot, in reports")
    parser.add_argument("--results", help="append results by name here")
    parser.add_argument("--stage", default="", help="what these names begin with")
    parser.add_argument("--keep", help="where lines go that a scenario wants to keep")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for the whole boot")
    parser.add_argument("--boot-timeout", type=float, default=120)
    parser.add_argument("--accel", help="tcg,thread=multi or kvm; default: what works")
    parser.add_argument("--probe", action="store_true", help="print the accelerator that works, and end")
    parser.add_argument("--kexec", action="store_true", help="the guest may start kernel and initrd again")
    parser.add_argument("--disk", help="image of a disk that the guest may write to")
    parser.add_argument("--reboots", action="store_true", help="the guest may start a kernel of its own")
    parser.add_argument("--quiet", action="store_true", help="report failures only")
    parser.add_argument("--shell", action="store_true", help="a prompt on the console instead of scenarios")
    parser.add_argument("--peer", help="scenarios, joined by +, of a second guest that runs at the same time")
    parser.add_argument("scenarios", nargs="*")
    parser.set_defaults(shared=None, mark="")
    opts = parser.parse_args()
    if not opts.accel:
        opts.accel = "kvm" if kvm_works(opts) else "tcg,thread=multi"
    if opts.probe:
        print(opts.accel)
        return 0
    return run_pair(opts) if opts.peer else Run(opts).run()


if __name__ == "__main__":
    sys.exit(main())
