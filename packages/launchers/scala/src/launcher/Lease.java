package launcher;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;

/** Runs out when the gateway has not renewed it for so long. */
final class Lease {
  private static final Path UPTIME = Paths.get("/proc/uptime");

  private final long seconds;
  private volatile double renewedAt = now();

  /** 0 seconds for a lease that does not run out. */
  Lease(long seconds) {
    this.seconds = seconds;
  }

  long seconds() {
    return seconds;
  }

  void renew() {
    renewedAt = now();
  }

  /** Begins the time, and runs the action when it has run out. */
  void watch(Runnable whenLost) {
    renew();
    if (seconds == 0) return;
    CommListener.daemon("lease", () -> {
      while (now() - renewedAt < seconds) {
        try {
          Thread.sleep(Math.min(1000, seconds * 100));
        } catch (InterruptedException notUs) {
          // Nobody has a reason to interrupt this thread; a lease that ends silently would be worse.
        }
      }
      whenLost.run();
    });
  }

  /** Seconds on a clock that nobody sets. Linux counts the time that the machine was suspended, Java's own does not. */
  private static double now() {
    try {
      return Double.parseDouble(new String(Files.readAllBytes(UPTIME), StandardCharsets.US_ASCII).split(" ")[0]);
    } catch (IOException | RuntimeException notLinux) {
      return System.nanoTime() / 1e9;
    }
  }
}
