package launcher;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import javax.crypto.Cipher;

/** Checks the launcher against the shared vectors, in the folder of its argument; the exit code is the number of failures. */
public final class VectorCheck {
  private static int checked;
  private static int failed;

  public static void main(String[] args) throws Exception {
    Path folder = Paths.get(args[0]);
    box(read(folder, "box.json"));
    version1(read(folder, "version1.json"));
    version2(read(folder, "version2.json"));
    System.out.println(checked + " checked, " + failed + " failed");
    System.exit(Math.min(failed, 100));
  }

  private static void box(Map<String, Object> vectors) {
    Map<String, Object> published = map(vectors, "published");
    byte[] secret = bytes(published, "secret_key");
    byte[] theirs = bytes(published, "public_key");
    same("x25519", bytes(published, "x25519"), X25519.multiply(secret, theirs));
    same("published shared key", bytes(published, "shared_key"), SecretBox.sharedKey(theirs, secret));
    byte[] nonce = bytes(published, "nonce");
    byte[] text = bytes(published, "plaintext");
    byte[] sealed = SecretBox.seal(bytes(published, "shared_key"), nonce, text);
    same("published tag", bytes(published, "tag"), Arrays.copyOf(sealed, 16));

    Map<String, Object> sender = map(vectors, "sender");
    Map<String, Object> recipient = map(vectors, "recipient");
    byte[] shared = bytes(vectors, "shared_key");
    same("sender's key", bytes(sender, "public_key"), X25519.publicKey(bytes(sender, "secret_key")));
    same("recipient's key", bytes(recipient, "public_key"), X25519.publicKey(bytes(recipient, "secret_key")));
    same("shared", shared, SecretBox.sharedKey(bytes(recipient, "public_key"), bytes(sender, "secret_key")));
    same("shared", shared, SecretBox.sharedKey(bytes(sender, "public_key"), bytes(recipient, "secret_key")));
    for (Map<String, Object> vector : list(vectors, "boxes")) {
      byte[] box = bytes(vector, "box");
      byte[] plain = bytes(vector, "plaintext");
      same("seal " + vector.get("name"), box, SecretBox.seal(shared, bytes(vector, "nonce"), plain));
      same("open " + vector.get("name"), plain, SecretBox.open(shared, bytes(vector, "nonce"), box));
    }
    for (Map<String, Object> vector : list(vectors, "refused")) {
      same("refuse " + vector.get("name"), null, SecretBox.open(shared, bytes(vector, "nonce"), bytes(vector, "box")));
    }
    try {
      SecretBox.sharedKey(new byte[32], bytes(sender, "secret_key"));
      expect("a weak public key", false);
    } catch (LauncherException refused) {
      expect("a weak public key", true);
    }
  }

  private static void version1(Map<String, Object> vectors) throws Exception {
    for (Map<String, Object> vector : list(vectors, "accepted")) {
      byte[] info = Version1.encryptInfo(bytes(vector, "aes_key"), (String) vector.get("info_json"));
      same("conn_info " + vector.get("name"), bytes(vector, "conn_info"), info);
    }
    for (Map<String, Object> key : list(vectors, "keys")) {
      byte[] aesKey = SecretBox.randomBytes(16);
      String pem = ((String) key.get("private_key_pem")).replaceAll("-----[A-Z ]+-----|\\s", "");
      PrivateKey secret = KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
      Cipher rsa = Cipher.getInstance("RSA/ECB/PKCS1Padding");
      rsa.init(Cipher.DECRYPT_MODE, secret);
      byte[] encrypted = Version1.encryptKey(Version1.readPublicKey((String) key.get("public_key")), aesKey);
      same("RSA " + key.get("bits"), aesKey, rsa.doFinal(encrypted));
    }
  }

  private static void version2(Map<String, Object> vectors) {
    String kernelId = (String) vectors.get("kernel_id");
    Map<String, Object> answer = map(vectors, "answer");
    Map<String, Object> wanted = Json.parseObject((String) answer.get("launcher_v2_json"));
    LauncherV2 launch = LauncherV2.parse((String) answer.get("launcher_v2"), kernelId);
    same("launcher_v2 public key", bytes(wanted, "public_key"), launch.publicKey);
    expect("launcher_v2 token", wanted.get("token").equals(launch.token));
    expect("launcher_v2 lease", wanted.get("lease_seconds").equals(launch.leaseSeconds));
    expect("launcher_v2 http", map(wanted, "http").get("url").equals(launch.httpUrl)
        && map(wanted, "http").get("token").equals(launch.httpToken));

    byte[] shared = bytes(answer, "shared_key");
    byte[] launcherSecret = bytes(map(answer, "launcher"), "secret_key");
    same("shared key", shared, SecretBox.sharedKey(launch.publicKey, launcherSecret));
    for (Map<String, Object> vector : list(answer, "accepted")) {
      Map<String, Object> line = Json.parseObject((String) vector.get("line"));
      byte[] text = ((String) vector.get("plaintext")).getBytes(StandardCharsets.UTF_8);
      same("answer " + vector.get("name"), bytes(line, "box"), SecretBox.seal(shared, bytes(line, "nonce"), text));
    }
    for (Map<String, Object> vector : list(answer, "replies")) {
      boolean taken;
      try {
        taken = Answer.isTaken(shared, kernelId, line(vector), true);
      } catch (LauncherException refused) {
        taken = false;
      }
      // A launcher that is told that it has answered already lost the first reply.
      boolean answered = String.valueOf(vector.get("plaintext")).contains("already_answered");
      expect("reply " + vector.get("name"), taken == (vector.get("ok").equals(true) || answered));
    }
    comm(map(vectors, "comm"), kernelId);
  }

  private static void comm(Map<String, Object> comm, String kernelId) {
    byte[] key = bytes(comm, "comm_key");
    for (Map<String, Object> vector : list(comm, "requests")) {
      Map<String, Object> reply = ask(comm, kernelId, vector);
      expect("request " + vector.get("name"), reply != null && Boolean.TRUE.equals(reply.get("ok")));
    }
    for (Map<String, Object> vector : list(comm, "refused_requests")) {
      expect("refused request " + vector.get("name"), ask(comm, kernelId, vector) == null);
    }
    for (Map<String, Object> vector : list(comm, "bad_requests")) {
      Map<String, Object> reply = ask(comm, kernelId, vector);
      expect("bad request " + vector.get("name"), reply != null && vector.get("error").equals(reply.get("error")));
    }
    expect("hello", session(key, kernelId, comm).hello().trim().equals(((String) comm.get("hello")).trim()));
  }

  private static Map<String, Object> ask(Map<String, Object> comm, String kernelId, Map<String, Object> vector) {
    byte[] key = bytes(comm, "comm_key");
    String reply = session(key, kernelId, comm).handle(line(vector));
    return reply == null ? null : SealedLine.open(key, reply.getBytes(StandardCharsets.UTF_8));
  }

  private static CommSession session(byte[] key, String kernelId, Map<String, Object> comm) {
    return new CommSession(key, kernelId, bytes(comm, "challenge"), new IdleKernel(), new Lease(60));
  }

  private static Map<String, Object> read(Path folder, String name) throws Exception {
    return Json.parseObject(new String(Files.readAllBytes(folder.resolve(name)), StandardCharsets.UTF_8));
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> map(Map<String, Object> from, String name) {
    return (Map<String, Object>) from.get(name);
  }

  @SuppressWarnings("unchecked")
  private static List<Map<String, Object>> list(Map<String, Object> from, String name) {
    return (List<Map<String, Object>>) from.get(name);
  }

  private static byte[] bytes(Map<String, Object> from, String name) {
    return SealedLine.unbase64(from.get(name));
  }

  private static byte[] line(Map<String, Object> vector) {
    return ((String) vector.get("line")).trim().getBytes(StandardCharsets.UTF_8);
  }

  private static void same(String what, byte[] wanted, byte[] got) {
    expect(what, Arrays.equals(wanted, got));
  }

  private static void expect(String what, boolean holds) {
    checked++;
    if (holds) return;
    failed++;
    System.out.println("FAILED: " + what);
  }
}
