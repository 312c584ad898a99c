package launcher;

import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Interrupts what Toree executes.
 *
 * <p>Upon its signal, Toree interrupts the threads of the cell, and gives them up: the reply comes when the cell ends. A
 * loop that does not look at its interrupt flag never does, and jobs of Spark run on in their executors. So jobs are
 * cancelled here, and threads that still execute the cell after a while are stopped, which works as far as Java 19.
 */
final class Interrupter {
  private static final long PATIENCE_MS = 1_500;
  /** Frames of a thread that executes code for the Scala interpreter. */
  private static final String TASK = "org.apache.toree.utils.TaskManager$";

  private final String signal;

  Interrupter(String signal) {
    this.signal = signal;
  }

  void interrupt() throws ReflectiveOperationException {
    List<Thread> executing = executing();
    Signals.raise(signal);
    cancelSparkJobs();
    if (!executing.isEmpty()) CommListener.daemon("interrupter", () -> stopStubborn(executing));
  }

  private static List<Thread> executing() {
    List<Thread> threads = new ArrayList<>();
    for (Map.Entry<Thread, StackTraceElement[]> entry : Thread.getAllStackTraces().entrySet()) {
      if (isTask(entry.getValue())) threads.add(entry.getKey());
    }
    return threads;
  }

  private static boolean isTask(StackTraceElement[] stack) {
    for (StackTraceElement frame : stack) {
      // The executor is an inner class too; its frames say nothing about a task.
      if (frame.getClassName().startsWith(TASK) && !frame.getClassName().contains("Executor")) return true;
    }
    return false;
  }

  private static void stopStubborn(List<Thread> threads) {
    try {
      Thread.sleep(PATIENCE_MS);
    } catch (InterruptedException notUs) {
      return;
    }
    for (Thread thread : threads) {
      // Toree has replaced its pool: what this thread still executes is what it was to leave.
      if (thread.isAlive() && isTask(thread.getStackTrace())) stop(thread);
    }
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
