package launcher;

/**
 * Makes Toree send its messages in the order in which they came about.
 *
 * <p>In Toree each type of message has an actor of its own, which hands it to the socket. On threads of a pool one
 * overtakes another: idle the result of its cell, which clients then drop, or text a picture that was shown before. So
 * these actors get a single thread, and with them the relay that they are given the messages by: it takes several turns
 * for each message, and an actor is done with the last one by then. None of them waits for anything.
 *
 * <p>Akka reads its settings from the system properties; those that somebody gave to spark-submit stay.
 */
final class OutputOrder {
  private static final String DISPATCHER = "launcher-output";
  private static final String[] ACTORS = {"kernel_message_relay", "status", "execute_input", "stream", "display_data",
      "clear_output", "execute_result", "error", "outgoing_comm_open", "outgoing_comm_msg", "outgoing_comm_close"};

  private OutputOrder() {}

  /** To be called before Toree's classes are loaded. */
  static void keep() {
    set(DISPATCHER + ".type", "Dispatcher");
    set(DISPATCHER + ".executor", "thread-pool-executor");
    set(DISPATCHER + ".thread-pool-executor.fixed-pool-size", "1");
    for (String actor : ACTORS) set("akka.actor.deployment./" + actor + ".dispatcher", DISPATCHER);
  }

  private static void set(String name, String value) {
    if (System.getProperty(name) == null) System.setProperty(name, value);
  }
}
