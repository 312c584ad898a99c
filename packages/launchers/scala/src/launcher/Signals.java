package launcher;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.util.concurrent.TimeUnit;

/** Signals to this process. {@code sun.misc.Signal} is reached by its name, since {@code --release 8} hides it. */
final class Signals {
  private Signals() {}

  /** Until Toree has a handler of its own, the signal must not end the process. */
  static void ignore(String name) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object nothing = Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler}, (p, m, a) ->
          m.getReturnType() == int.class ? (Object) System.identityHashCode(p) : m.getReturnType() == boolean.class ? p == a[0] : null);
      signal.getMethod("handle", signal, handler).invoke(null, make(signal, name), nothing);
    } catch (ReflectiveOperationException | RuntimeException error) {
      throw new LauncherException("--alternate-sigint " + name + ": this Java gives no such signal to programs; use USR2", error);
    }
  }

  static void raise(String name) throws ReflectiveOperationException {
    Class<?> signal = Class.forName("sun.misc.Signal");
    signal.getMethod("raise", signal).invoke(null, make(signal, name));
  }

  /** Sends a signal by its number, as somebody else would. */
  static void send(long pid, int signum) throws IOException, InterruptedException {
    Process kill = new ProcessBuilder("/bin/sh", "-c", "kill -" + signum + " " + pid).start();
    if (!kill.waitFor(5, TimeUnit.SECONDS) || kill.exitValue() != 0) throw new IOException("kill -" + signum + " failed");
  }

  private static Object make(Class<?> signal, String name) throws ReflectiveOperationException {
    return signal.getConstructor(String.class).newInstance(name);
  }
}
