package launcher;

import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/** A kernel that is alive whatever it is told, and counts what it is told. */
final class IdleKernel implements Kernel {
  final AtomicLong orders = new AtomicLong();

  @Override
  public long pid() {
    return 4711;
  }

  @Override
  public Map<String, Object> exit() {
    return null;
  }

  @Override
  public void signal(int signum) {
    if (signum < 1 || signum > 64) throw new AssertionError("signal " + signum);
    orders.incrementAndGet();
  }

  @Override
  public String logTail(int maxBytes) {
    return "";
  }

  @Override
  public void end() {
    orders.incrementAndGet();
  }

  @Override
  public void exitWasTold() {}
}
