package launcher;

import java.lang.reflect.InvocationTargetException;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Interrupts what Toree executes.
 *
 * <p>Upon its signal, Toree cancels the jobs of Spark and waits a moment; when the cell still runs, Toree interrupts its
 * thread and gives that up: the reply comes when the cell ends. A loop that does not look at its interrupt flag never
 * does, and until Toree has a Spark context it makes one first. So jobs are cancelled here too, and a thread that still
 * executes the cell after a while is stopped, which works as far as Java 19. A cell that ended in the moment that Toree
 * waits left its thread to the next one, which is none of the interrupt's business.
 */
final class Interrupter {
  private static final long PATIENCE_MS = 1_500;
  private static final long LOOK_EVERY_MS = 20;
  /** Frames of a thread that executes code for the Scala interpreter. */
  private static final String TASK = "org.apache.toree.utils.TaskManager$";
  /** Classes that the interpreter makes of one cell. */
  private static final Pattern CELL = Pattern.compile("\\$line[0-9]+\\.");
  /** In place of it, while the cell is compiled. */
  private static final String COMPILING = "";

  private final String signal;

  Interrupter(String signal) {
    this.signal = signal;
  }

  void interrupt() throws ReflectiveOperationException {
    Map<Thread, String> executing = executing();
    Signals.raise(signal);
    cancelSparkJobs();
    if (!executing.isEmpty()) CommListener.daemon("interrupter", () -> stopStubborn(executing));
  }

  private static Map<Thread, String> executing() {
    Map<Thread, String> cells = new HashMap<>();
    for (Map.Entry<Thread, StackTraceElement[]> entry : Thread.getAllStackTraces().entrySet()) {
      String cell = cellOf(entry.getValue());
      if (cell != null) cells.put(entry.getKey(), cell);
    }
    return cells;
  }

  /** Which cell a thread executes; null for none. */
  private static String cellOf(StackTraceElement[] stack) {
    if (!isTask(stack)) return null;
    String cell = COMPILING;
    for (StackTraceElement frame : stack) {
      // The last one is that of the cell itself, before it are those of what it calls.
      Matcher line = CELL.matcher(frame.getClassName());
      if (line.lookingAt()) cell = line.group();
    }
    return cell;
  }

  private static boolean isTask(StackTraceElement[] stack) {
    for (StackTraceElement frame : stack) {
      // The executor is an inner class too; its frames say nothing about a task.
      if (frame.getClassName().startsWith(TASK) && !frame.getClassName().contains("Executor")) return true;
    }
    return false;
  }

  private static void stopStubborn(Map<Thread, String> cells) {
    long since = System.nanoTime();
    try {
      // The compiler ends by itself, and would not survive to be stopped.
      while (cells.containsValue(COMPILING)
          || (!cells.isEmpty() && System.nanoTime() - since < PATIENCE_MS * 1_000_000)) {
        Thread.sleep(LOOK_EVERY_MS);
        forgetEnded(cells);
      }
    } catch (InterruptedException notUs) {
      return;
    }
    for (Thread thread : cells.keySet()) stop(thread);
  }

  private static void forgetEnded(Map<Thread, String> cells) {
    cells.entrySet().removeIf(entry -> {
      String now = cellOf(entry.getKey().getStackTrace());
      if (COMPILING.equals(entry.getValue()) && now != null) entry.setValue(now);
      return !entry.getValue().equals(now);
    });
  }

  private static void stop(Thread thread) {
    try {
      Thread.class.getMethod("stop").invoke(thread);
    } catch (InvocationTargetException | NoSuchMethodException gone) {
      ToreeLauncher.say("what is executed does not react to an interrupt, and Java "
          + System.getProperty("java.version") + " cannot stop it: restart the kernel, or use Java 17");
    } catch (ReflectiveOperationException error) {
      ToreeLauncher.say("what is executed could not be stopped: " + error);
    }
  }

  private static void cancelSparkJobs() {
    try {
      ClassLoader loader = Thread.currentThread().getContextClassLoader();
      Class<?> companion = Class.forName("org.apache.spark.SparkContext$", false, loader);
      Object module = companion.getField("MODULE$").get(null);
      Object active = companion.getMethod("getActive").invoke(module);
      if ((Boolean) active.getClass().getMethod("isDefined").invoke(active)) {
        Object context = active.getClass().getMethod("get").invoke(active);
        context.getClass().getMethod("cancelAllJobs").invoke(context);
      }
    } catch (ReflectiveOperationException | LinkageError | RuntimeException none) {
      // No Spark, no context, or one that has ended: there are no jobs.
    }
  }
}
