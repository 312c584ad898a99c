package launcher;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;

/** Reads what a peer sends, within a number of bytes and a time that no peer can stretch. */
final class Lines {
  static final int MAX_BYTES = 65536;

  private final Socket socket;
  private final InputStream input;
  private final byte[] chunk = new byte[4096];
  private int chunkAt;
  private int chunkEnd;

  Lines(Socket socket) throws IOException {
    this.socket = socket;
    this.input = socket.getInputStream();
  }

  /** A line without its line feed, or null when the stream ended before one, or it was too long. */
  byte[] line(long timeoutMs) throws IOException {
    return read(timeoutMs, true);
  }

  /** All that comes until the peer closes, or null when it was too long. */
  byte[] rest(long timeoutMs) throws IOException {
    return read(timeoutMs, false);
  }

  private byte[] read(long timeoutMs, boolean untilLineFeed) throws IOException {
    long deadline = System.nanoTime() + timeoutMs * 1_000_000;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    while (bytes.size() < MAX_BYTES) {
      int next = next(deadline);
      if (next < 0) return untilLineFeed ? null : bytes.toByteArray();
      if (untilLineFeed && next == '\n') return bytes.toByteArray();
      bytes.write(next);
    }
    return null;
  }

  private int next(long deadline) throws IOException {
    if (chunkAt == chunkEnd) {
      long left = (deadline - System.nanoTime()) / 1_000_000;
      if (left <= 0) throw new SocketTimeoutException("the peer was too slow");
      socket.setSoTimeout((int) left);
      chunkAt = 0;
      chunkEnd = Math.max(0, input.read(chunk));
      if (chunkEnd == 0) return -1;
    }
    return chunk[chunkAt++] & 0xff;
  }
}
