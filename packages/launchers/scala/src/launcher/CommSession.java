package launcher;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One connection of version 2's comm channel, without its socket. */
final class CommSession {
  static final List<String> REQUESTS =
      Collections.unmodifiableList(Arrays.asList("ping", "signal", "shutdown", "status", "renew"));
  private static final int MAX_LOG_BYTES = 8000;
  private static final int SIGKILL = 9;
  private static final int SIGTERM = 15;

  private final byte[] key;
  private final String kernelId;
  private final String challenge;
  private final Kernel kernel;
  private final Lease lease;
  private long sequence;
  private Runnable afterReply = () -> { };

  CommSession(byte[] key, String kernelId, byte[] challenge, Kernel kernel, Lease lease) {
    this.key = key;
    this.kernelId = kernelId;
    this.challenge = SealedLine.base64(challenge);
    this.kernel = kernel;
    this.lease = lease;
  }

  String hello() {
    Map<String, Object> hello = new LinkedHashMap<>();
    hello.put("version", SealedLine.VERSION);
    hello.put("challenge", challenge);
    return Json.write(hello) + "\n";
  }

  /** The reply's line; null when the connection must be closed without one. */
  String handle(byte[] line) {
    Map<String, Object> request = SealedLine.open(key, line);
    boolean ours = request != null && "launcher".equals(request.get("to")) && kernelId.equals(request.get("kernel_id"))
        && challenge.equals(request.get("challenge")) && Long.valueOf(sequence + 1).equals(request.get("seq"));
    if (!ours) return null;
    sequence++;
    Map<String, Object> reply = new LinkedHashMap<>();
    reply.put("to", "gateway");
    reply.put("kernel_id", kernelId);
    reply.put("challenge", challenge);
    reply.put("seq", sequence);
    reply.put("ok", true);
    try {
      act(request, reply);
    } catch (Refusal refusal) {
      refuse(reply, refusal.error, refusal.getMessage());
    } catch (Exception error) {
      refuse(reply, "failed", String.valueOf(error.getMessage()));
    }
    return SealedLine.seal(key, reply);
  }

  /** Does what must wait until the reply is on its way. */
  void replied() {
    Runnable action = afterReply;
    afterReply = () -> { };
    action.run();
  }

  private void act(Map<String, Object> request, Map<String, Object> reply) throws Exception {
    switch (String.valueOf(request.get("request"))) {
      case "ping":
        putLife(reply);
        break;
      case "signal":
        signal(whole(request, "signum", 64));
        break;
      case "shutdown":
        afterReply = kernel::end;
        break;
      case "status":
        status(request, reply);
        break;
      case "renew":
        lease.renew();
        reply.put("lease_seconds", lease.seconds());
        break;
      default:
        throw new Refusal("unsupported", "no such request; there are " + REQUESTS);
    }
  }

  private void signal(int signum) throws Exception {
    if (kernel.exit() != null) throw new Refusal("no_kernel", "the kernel has ended");
    // These two may end the process before a reply could be written.
    if (signum == SIGKILL || signum == SIGTERM) afterReply = () -> deliver(signum);
    else if (signum != 0) kernel.signal(signum);
  }

  private void deliver(int signum) {
    try {
      kernel.signal(signum);
    } catch (Exception error) {
      ToreeLauncher.say("signal " + signum + " could not be delivered: " + error.getMessage());
    }
  }

  private void status(Map<String, Object> request, Map<String, Object> reply) throws Refusal {
    int maxBytes = request.get("max_log_bytes") == null ? MAX_LOG_BYTES : whole(request, "max_log_bytes", Integer.MAX_VALUE);
    Map<String, Object> exit = putLife(reply);
    if (exit != null) {
      reply.put("exit", exit);
      afterReply = kernel::exitWasTold;
    }
    reply.put("log_tail", kernel.logTail(Math.min(maxBytes, MAX_LOG_BYTES)));
  }

  private Map<String, Object> putLife(Map<String, Object> reply) {
    Map<String, Object> exit = kernel.exit();
    reply.put("alive", exit == null);
    reply.put("pid", kernel.pid());
    return exit;
  }

  private static int whole(Map<String, Object> request, String name, int highest) throws Refusal {
    Object value = request.get(name);
    if (value instanceof Long && (Long) value >= 0 && (Long) value <= highest) return ((Long) value).intValue();
    throw new Refusal("bad_request", name + " must be a whole number from 0 to " + highest);
  }

  private static void refuse(Map<String, Object> reply, String error, String message) {
    reply.put("ok", false);
    reply.put("error", error);
    reply.put("message", message);
  }

  private static final class Refusal extends Exception {
    private static final long serialVersionUID = 1;
    final String error;

    Refusal(String error, String message) {
      super(message);
      this.error = error;
    }
  }
}
