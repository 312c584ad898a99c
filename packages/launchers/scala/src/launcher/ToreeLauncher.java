package launcher;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * Starts Apache Toree as an application of spark-submit, tells the gateway how to reach it, and takes its orders.
 *
 * <p>The protocol is that of docs/reference/launcher-protocol.md, version 2 when the gateway gives its parameters, else 1.
 * Toree must run in the process that spark-submit made (in YARN's cluster mode that is the application master), so the
 * listener does too, and some things differ from launchers that have a process of their own:
 *
 * <ul>
 *   <li>When the process ends by itself or by SIGTERM, it stays until the gateway has asked how it ended, for at most
 *       10 seconds (GP_LAUNCHER_LINGER_SECONDS; 2 after a signal). The exit code is known when Toree was told to shut
 *       down, else only to whoever waits for the process.
 *   <li>After SIGKILL, or when the JVM crashes, there is nobody left to ask: the connection is refused.
 *   <li>The last output is what went through System.out and System.err. Spark's log4j took hold of the latter before.
 * </ul>
 */
public final class ToreeLauncher {
  static final String VERSION = "0.1.0";
  private static final String[] KERNEL_PORTS = {"shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"};
  private static final double RETRY_SECONDS = 120;
  private static final double LINGER_SECONDS = 10;
  /** How long threads of Toree or Spark may keep the process after Toree has ended. */
  private static final long AFTER_TOREE_MS = 5_000;

  private static volatile int exitCode;

  private ToreeLauncher() {}

  public static void main(String[] args) throws Exception {
    try {
      launch(new Options(args, System.getenv()), System.getenv());
    } catch (LauncherException problem) {
      say(problem.getMessage());
      exit(1);
    }
  }

  static void say(String message) {
    System.err.println("ToreeLauncher: " + message);
  }

  static int exitCode() {
    return exitCode;
  }

  private static void launch(Options options, Map<String, String> env) throws Exception {
    LauncherV2 version2 = LauncherV2.take(options.kernelId);
    if (version2 == null && options.publicKey == null) throw new LauncherException("--public-key is missing");
    if (options.responseAddress == null && (version2 == null || version2.httpUrl == null)) {
      throw new LauncherException("--response-address is missing");
    }
    Signals.ignore(options.alternateSigint);
    double linger = Options.seconds(env, "GP_LAUNCHER_LINGER_SECONDS", LINGER_SECONDS);
    ToreeKernel kernel = new ToreeKernel(LogTail.ofStandardStreams(), options.alternateSigint, linger);
    List<ServerSocket> ports = Ports.reserve(options.portRange, KERNEL_PORTS.length + 1, env);
    CommListener listener = new CommListener(ports.remove(KERNEL_PORTS.length));
    Map<String, Object> info = connectionInfo(ports);
    Path file = writeConnectionFile(options.kernelId, info);
    kernel.reportExit(version2 != null);
    info.put("pid", kernel.pid());
    if (kernel.processGroup() > 0) info.put("pgid", kernel.processGroup());
    info.put("comm_port", (long) listener.port());
    info.put("kernel_id", options.kernelId);
    answer(options, version2, env, kernel, listener, info);
    Ports.release(ports);
    CommListener.daemon("file", () -> deleteOnceRead(file, ports.get(0).getLocalPort()));
    runToree(toreeArguments(options, file));
  }

  private static void answer(Options options, LauncherV2 version2, Map<String, String> env, ToreeKernel kernel,
      CommListener listener, Map<String, Object> info) {
    Answer answer = new Answer(options.responseAddress, Options.seconds(env, "GP_LAUNCHER_RETRY_SECONDS", RETRY_SECONDS));
    if (version2 == null) {
      listener.start(CommListener.version1(kernel, listener::close));
      answer.version1(Version1.readPublicKey(options.publicKey), info);
      return;
    }
    byte[] commKey = SecretBox.randomBytes(SecretBox.KEY_BYTES);
    info.put("comm_key", SealedLine.base64(commKey));
    Lease lease = new Lease(version2.leaseSeconds);
    listener.start(CommListener.version2(commKey, options.kernelId, kernel, lease));
    answer.version2(version2, options.kernelId, info);
    lease.watch(() -> {
      say("no gateway has renewed the kernel's lease for " + version2.leaseSeconds + " seconds: the kernel ends");
      kernel.end();
    });
  }

  private static Map<String, Object> connectionInfo(List<ServerSocket> ports) {
    Map<String, Object> info = new LinkedHashMap<>();
    for (int i = 0; i < KERNEL_PORTS.length; i++) info.put(KERNEL_PORTS[i], (long) ports.get(i).getLocalPort());
    info.put("ip", "0.0.0.0");
    info.put("key", UUID.randomUUID().toString());
    info.put("transport", "tcp");
    info.put("signature_scheme", "hmac-sha256");
    info.put("kernel_name", "Apache Toree Scala");
    return info;
  }

  /** Only its owner can read the file: it holds the key of the kernel's messages. */
  private static Path writeConnectionFile(String kernelId, Map<String, Object> info) throws IOException {
    Path file = Files.createTempFile("kernel-" + kernelId + "-", ".json",
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(file)));
    Files.write(file, Json.write(info).getBytes(StandardCharsets.UTF_8));
    return file;
  }

  /** Toree reads the file before it listens, and never again; whoever kills it leaves no key behind. */
  private static void deleteOnceRead(Path file, int shellPort) {
    for (int i = 0; i < 600; i++) {
      try (Socket probe = new Socket()) {
        probe.connect(new InetSocketAddress("127.0.0.1", shellPort), 1000);
        delete(file);
        return;
      } catch (IOException notYet) {
        try {
          Thread.sleep(200);
        } catch (InterruptedException notUs) {
          return;
        }
      }
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException error) {
      say(file + " could not be removed: " + error.getMessage());
    }
  }

  private static String[] toreeArguments(Options options, Path file) {
    List<String> arguments = new ArrayList<>();
    arguments.add("--profile");
    arguments.add(file.toString());
    arguments.add("--alternate-sigint");
    arguments.add(options.alternateSigint);
    arguments.add("--spark-context-initialization-mode");
    arguments.add(options.sparkContextMode);
    arguments.addAll(options.forToree);
    return arguments.toArray(new String[0]);
  }

  private static void runToree(String[] arguments) throws Exception {
    OutputOrder.keep();
    try {
      ClassLoader loader = Thread.currentThread().getContextClassLoader();
      Class<?> toree = Class.forName("org.apache.toree.Main", true, loader);
      toree.getMethod("main", String[].class).invoke(null, (Object) arguments);
      exitSoon(0);
    } catch (ClassNotFoundException missing) {
      throw new LauncherException("Toree is not on the class path: give spark-submit its assembly, --jars toree-assembly-….jar", missing);
    } catch (InvocationTargetException failure) {
      exitSoon(1);
      // To spark-submit, which tells the cluster.
      throw failure.getCause() instanceof Exception ? (Exception) failure.getCause() : failure;
    }
  }

  private static void exitSoon(int code) {
    CommListener.daemon("exit", () -> {
      try {
        Thread.sleep(AFTER_TOREE_MS);
      } catch (InterruptedException atOnce) {
        // Then at once.
      }
      exit(code);
    });
  }

  private static void exit(int code) {
    exitCode = code;
    System.exit(code);
  }
}
