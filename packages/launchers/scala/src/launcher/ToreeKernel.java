package launcher;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** Toree, in this very process: it ends when the process does. */
final class ToreeKernel implements Kernel {
  private static final int SIGINT = 2;
  private static final int SIGKILL = 9;
  private static final int SIGTERM = 15;
  private static final long GRACE_MS = 5_000;
  /** Whoever sent a signal waits for the process, and may soon send SIGKILL. */
  private static final double LINGER_AFTER_SIGNAL_SECONDS = 2;

  private final LogTail log;
  private final Interrupter interrupter;
  private final double lingerSeconds;
  private final long pid = findPid();
  private final CountDownLatch told = new CountDownLatch(1);
  private final AtomicBoolean ending = new AtomicBoolean();
  private volatile Map<String, Object> exit;

  ToreeKernel(LogTail log, String alternateSigint, double lingerSeconds) {
    this.log = log;
    this.interrupter = new Interrupter(alternateSigint);
    this.lingerSeconds = lingerSeconds;
  }

  /** From now on the process notices its end, and, where the gateway can ask, waits a little until it did. */
  void reportExit(boolean gatewayCanAsk) {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      exit = ExitCause.find();
      if (!gatewayCanAsk || ending.get()) return;
      double seconds = exit.containsKey("signal") ? Math.min(lingerSeconds, LINGER_AFTER_SIGNAL_SECONDS) : lingerSeconds;
      try {
        told.await((long) (seconds * 1000), TimeUnit.MILLISECONDS);
      } catch (InterruptedException hurried) {
        // Then without waiting.
      }
    }, "launcher-exit"));
  }

  @Override
  public long pid() {
    return pid;
  }

  /** The kernel's process group, or -1 where only a program would tell. */
  long processGroup() {
    try {
      String stat = new String(Files.readAllBytes(Paths.get("/proc/self/stat")), StandardCharsets.ISO_8859_1);
      // The name, in parentheses, may hold anything; state, parent and group follow it.
      return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[2]);
    } catch (IOException | RuntimeException notLinux) {
      return -1;
    }
  }

  @Override
  public Map<String, Object> exit() {
    return exit;
  }

  @Override
  public void signal(int signum) throws Exception {
    if (signum == SIGINT) {
      interrupter.interrupt();
    } else if (signum == SIGTERM) {
      Signals.raise("TERM");
    } else if (signum == SIGKILL) {
      kill();
    } else {
      Signals.send(pid, signum);
    }
  }

  @Override
  public String logTail(int maxBytes) {
    return log.tail(maxBytes);
  }

  @Override
  public void end() {
    exitWasTold();
    if (!ending.compareAndSet(false, true)) return;
    CommListener.daemon("end", () -> {
      try {
        Signals.raise("TERM");
        Thread.sleep(GRACE_MS);
      } catch (ReflectiveOperationException | InterruptedException atOnce) {
        // Then by force.
      }
      kill();
    });
  }

  @Override
  public void exitWasTold() {
    told.countDown();
  }

  private void kill() {
    try {
      Signals.send(pid, SIGKILL);
    } catch (IOException | InterruptedException noShell) {
      Runtime.getRuntime().halt(128 + SIGKILL);
    }
  }

  private static long findPid() {
    String name = ManagementFactory.getRuntimeMXBean().getName();
    try {
      return Long.parseLong(name.substring(0, Math.max(0, name.indexOf('@'))));
    } catch (NumberFormatException other) {
      return 0;
    }
  }

  /** Why the process ends, as far as its threads show it: Java itself tells nobody. */
  static final class ExitCause {
    private ExitCause() {}

    static Map<String, Object> find() {
      Map<String, Object> exit = new LinkedHashMap<>();
      exit.put("reason", "exited");
      for (Map.Entry<Thread, StackTraceElement[]> entry : Thread.getAllStackTraces().entrySet()) {
        if (!contains(entry.getValue(), "java.lang.Shutdown")) continue;
        String thread = entry.getKey().getName();
        if (thread.matches("SIG[A-Z0-9]+ handler") && contains(entry.getValue(), "Terminator")) {
          exit.put("reason", "signalled");
          exit.put("signal", thread.substring(0, thread.indexOf(' ')));
        } else if (contains(entry.getValue(), "org.apache.toree.kernel.protocol.v5.handler.ShutdownHandler")) {
          exit.put("exit_code", 0L);
        } else if (contains(entry.getValue(), ToreeLauncher.class.getName())) {
          exit.put("exit_code", (long) ToreeLauncher.exitCode());
        }
      }
      return exit;
    }

    private static boolean contains(StackTraceElement[] stack, String className) {
      for (StackTraceElement frame : stack) {
        if (frame.getClassName().contains(className)) return true;
      }
      return false;
    }
  }
}
