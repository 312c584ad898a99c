# The listener in R, for where there is no Python: version 2 of the launcher protocol with the package sodium. It starts the
# kernel, tells the gateway how to reach it, and takes the gateway's orders. What it does not have of Python's: the end of
# what the kernel wrote (`log_tail` is empty), answers over HTTP, and IPv6.
#
# sys.source() this file into an environment; run_kernel() is what the launcher calls.

MAX_LINE_BYTES <- 65536L
LINE_SECONDS <- 10
EXIT_SECONDS <- 5
MAX_CONNECTIONS <- 64L
CAPABILITIES <- c("ping", "signal", "shutdown", "status", "renew")

# A failure that people are told in one line.
stop_launch <- function(...) stop(structure(list(message = paste0(...), call = NULL), class = c("launch_error", "error", "condition")))

# ---- Primitives --------------------------------------------------------------------------------------------------------

to_base64 <- function(bytes) gsub("\n", "", jsonlite::base64_enc(as.raw(bytes)), fixed = TRUE)

# NULL for what is no standard base64 with padding.
from_base64 <- function(text) {
  if (!is.character(text) || length(text) != 1 || nchar(text) %% 4 != 0) return(NULL)
  if (!grepl("^[A-Za-z0-9+/]*={0,2}$", text)) return(NULL)
  if (nzchar(text)) jsonlite::base64_dec(text) else raw(0)
}

to_json <- function(value) as.character(jsonlite::toJSON(value, auto_unbox = TRUE, null = "null", digits = NA))

# NULL for what is no JSON object.
from_json <- function(text) {
  value <- tryCatch(jsonlite::parse_json(text), error = function(e) NULL, warning = function(e) NULL)
  if (is.list(value) && (length(value) == 0 || !is.null(names(value)))) value
}

as_utf8 <- function(bytes) {
  if (any(bytes == 0)) return(NULL)
  text <- rawToChar(bytes)
  Encoding(text) <- "UTF-8"
  if (validUTF8(text)) text
}

# crypto_secretbox_easy; the attribute that sodium adds is in the way of comparisons.
seal <- function(key, text, nonce = sodium::random(24)) {
  box <- sodium::data_encrypt(charToRaw(enc2utf8(text)), key, nonce)
  attributes(box) <- NULL
  list(nonce = to_base64(nonce), box = to_base64(box))
}

unseal <- function(key, nonce, box) {
  if (is.null(nonce) || is.null(box) || length(nonce) != 24 || length(box) < 16) return(NULL)
  tryCatch(sodium::data_decrypt(box, key, nonce), error = function(e) NULL)
}

sealed_line <- function(key, content) {
  paste0(to_json(c(list(version = 2L), seal(key, to_json(content)))), "\n")
}

# The content of a sealed line; NULL when it is none. `open` decrypts a box with its nonce.
open_line <- function(line, open) {
  outer <- from_json(line)
  if (is.null(outer) || !identical(as.numeric(outer[["version"]]), 2)) return(NULL)
  plaintext <- open(from_base64(outer[["nonce"]]), from_base64(outer[["box"]]))
  text <- if (!is.null(plaintext)) as_utf8(plaintext)
  if (!is.null(text)) from_json(text)
}

# ---- Parameters and answer ---------------------------------------------------------------------------------------------

parse_launcher_v2 <- function(value, kernel_id) {
  bytes <- from_base64(trimws(value))
  text <- if (!is.null(bytes)) as_utf8(bytes)
  fields <- if (!is.null(text)) from_json(text)
  if (is.null(fields)) stop_launch("GP_LAUNCHER_V2 is not base64 of a JSON object")
  if (!identical(as.numeric(fields[["version"]]), 2)) stop_launch("GP_LAUNCHER_V2 is of another version than 2")
  if (!identical(fields[["kernel_id"]], kernel_id)) stop_launch("GP_LAUNCHER_V2 belongs to another kernel id")
  public_key <- from_base64(fields[["public_key"]])
  if (length(public_key) != 32) stop_launch("GP_LAUNCHER_V2 has no public_key of 32 bytes")
  if (length(from_base64(fields[["token"]])) != 32) stop_launch("GP_LAUNCHER_V2 has no token of 32 bytes")
  lease <- fields[["lease_seconds"]]
  list(public_key = public_key, token = fields[["token"]], lease_seconds = if (is.numeric(lease)) lease else 0)
}

# The value or the file of it, which is deleted when it can be; gone from the environment afterwards.
take_launcher_v2 <- function(kernel_id) {
  value <- Sys.getenv("GP_LAUNCHER_V2")
  Sys.unsetenv("GP_LAUNCHER_V2")
  if (startsWith(value, "/")) {
    path <- value
    value <- tryCatch(
      suppressWarnings(paste(readLines(path, warn = FALSE), collapse = "")),
      error = function(e) stop_launch("the file of GP_LAUNCHER_V2 cannot be read")
    )
    suppressWarnings(file.remove(path))
  }
  parse_launcher_v2(value, kernel_id)
}

# The answer's line for a kernel, and how its reply is read.
make_answer <- function(info, given, secret_key = sodium::keygen(), nonce = sodium::random(24)) {
  # An error for a key with which anybody would know the result.
  tryCatch(sodium::diffie_hellman(secret_key, given$public_key), error = function(e) {
    stop_launch("the public_key of GP_LAUNCHER_V2 is not a key")
  })
  box <- sodium::auth_encrypt(charToRaw(to_json(info)), secret_key, given$public_key, nonce)
  attributes(box) <- NULL
  line <- to_json(list(
    version = 2L, kernel_id = info$kernel_id, public_key = to_base64(sodium::pubkey(secret_key)),
    nonce = to_base64(nonce), box = to_base64(box)
  ))
  list(line = paste0(line, "\n"), read = function(reply) read_reply(reply, info$kernel_id, given$public_key, secret_key))
}

# "taken", "answered-before", "unreadable", or the text of a refusal.
read_reply <- function(line, kernel_id, public_key, secret_key) {
  fields <- open_line(line, function(nonce, box) {
    if (length(nonce) != 24 || length(box) < 16) return(NULL)
    tryCatch(sodium::auth_decrypt(box, secret_key, public_key, nonce), error = function(e) NULL)
  })
  if (is.null(fields)) {
    plain <- from_json(line)
    refused <- identical(plain[["error"]], "refused") && identical(plain[["ok"]], FALSE)
    return(if (refused) "the gateway does not expect this kernel, or no longer" else "unreadable")
  }
  if (!identical(fields[["to"]], "launcher") || !identical(fields[["kernel_id"]], kernel_id)) return("unreadable")
  if (isTRUE(fields[["ok"]])) return("taken")
  if (identical(fields[["error"]], "already_answered")) return("answered-before")
  paste0("the gateway refused the answer: ", fields[["error"]], ": ", fields[["message"]])
}

deliver <- function(answer, address, retry_seconds) {
  end <- boot_seconds() + retry_seconds
  pause <- 0.25
  sent_before <- FALSE
  repeat {
    reply <- tryCatch(suppressWarnings(exchange(address, answer$line)), error = function(e) NULL)
    outcome <- if (is.null(reply)) "unreadable" else answer$read(reply)
    if (outcome == "taken" || (outcome == "answered-before" && sent_before)) return(invisible())
    if (outcome == "answered-before") stop_launch("the gateway has another answer for this kernel")
    if (outcome != "unreadable") stop_launch(outcome)
    sent_before <- TRUE
    if (boot_seconds() + pause > end) {
      stop_launch("the response address ", address$host, ":", address$port, " was not reached within ", retry_seconds, " s")
    }
    Sys.sleep(pause)
    pause <- min(pause * 2, 5)
  }
}

exchange <- function(address, line) {
  connection <- socketConnection(address$host, address$port, blocking = TRUE, open = "r+b", timeout = 30)
  on.exit(close(connection))
  writeBin(charToRaw(line), connection)
  received <- raw(0)
  while (length(received) < MAX_LINE_BYTES) {
    byte <- readBin(connection, "raw", 1)
    if (length(byte) == 0) stop("closed")
    if (byte == 0x0a) return(as_utf8(received))
    received <- c(received, byte)
  }
  stop("too long")
}

# ---- Ports -------------------------------------------------------------------------------------------------------------

parse_range <- function(text) {
  if (!nzchar(text)) return(NULL)
  found <- regmatches(text, regexec("^\\s*(\\d{1,5})\\s*\\.\\.\\s*(\\d{1,5})\\s*$", text))[[1]]
  if (length(found) == 0) stop_launch("--port-range '", text, "' is not two numbers as in 40000..42000")
  bounds <- as.integer(found[2:3])
  if (bounds[[1]] == bounds[[2]]) return(NULL)
  wanted <- c(Sys.getenv(c("GP_MIN_PORT_RANGE_SIZE", "MIN_PORT_RANGE_SIZE", "EG_MIN_PORT_RANGE_SIZE")), "1000")
  size <- suppressWarnings(as.integer(wanted[nzchar(wanted)][[1]]))
  if (is.na(size) || bounds[[2]] - bounds[[1]] < size) stop_launch("--port-range '", text, "' must hold at least ", size, " ports")
  if (bounds[[1]] < 1024 || bounds[[2]] > 65535) stop_launch("--port-range '", text, "' leaves 1024..65535")
  bounds
}

# Different free ports, all held by sockets that listen.
reserve_ports <- function(count, bounds) {
  # Below what systems give to outgoing connections: nobody takes such a port by chance before the kernel has it.
  from <- if (is.null(bounds)) c(10000L, 32767L) else bounds
  held <- list()
  for (try in seq_len(50L * count)) {
    port <- from[[1]] + sample.int(from[[2]] - from[[1]] + 1L, 1L) - 1L
    socket <- tryCatch(suppressWarnings(serverSocket(port)), error = function(e) NULL)
    if (!is.null(socket)) held[[length(held) + 1]] <- list(port = port, socket = socket)
    if (length(held) == count) return(held)
  }
  for (each in held) close(each$socket)
  stop_launch("no free port was found in the port range ", from[[1]], "..", from[[2]])
}

# ---- The kernel --------------------------------------------------------------------------------------------------------

# Waits for the kernel in our place, and ends it when this process, which holds the other end of its input, is gone.
SUPERVISOR <- '
folder=$1; shift
leader=
command -v setsid >/dev/null 2>&1 && leader=setsid
# What runs in the background has no input of its own: ours is kept as another descriptor, which the kernel must not have.
exec 3<&0
$leader "$@" </dev/null 3<&- &
kernel=$!
(
  trap "" INT TERM HUP
  read -r _ <&3
  : >"$folder/orphaned"
  # A kernel that had ended before has no process any more, and its number may be given to another by now.
  if [ ! -e "$folder/exit" ]; then
    kill -s TERM -- "-$kernel" 2>/dev/null || kill -s TERM "$kernel" 2>/dev/null
    tries=0
    while [ "$tries" -lt 50 ] && kill -s 0 "$kernel" 2>/dev/null; do sleep 0.1; tries=$((tries + 1)); done
    kill -s KILL -- "-$kernel" 2>/dev/null || kill -s KILL "$kernel" 2>/dev/null
  fi
  # The code below may be writing the exit at this moment.
  tries=0
  while ! rm -rf -- "$folder" && [ "$tries" -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
) >/dev/null 2>&1 &
echo "$kernel" >"$folder/pid.new" && mv "$folder/pid.new" "$folder/pid"
wait "$kernel"
code=$?
kill -s KILL -- "-$kernel" 2>/dev/null
[ -e "$folder/orphaned" ] && exit 0
echo "$code" >"$folder/exit.new" && mv "$folder/exit.new" "$folder/exit"
# What waits above stays until the launcher is gone: where the kernel and the launcher die together, it removes the folder.
exit 0
'

start_kernel <- function(folder, command) {
  script <- file.path(folder, "supervisor.sh")
  writeLines(SUPERVISOR, script)
  words <- shQuote(c("/bin/sh", script, folder, command))
  leash <- pipe(paste("exec", paste(words, collapse = " ")), "w")
  end <- boot_seconds() + 30
  while (!file.exists(file.path(folder, "pid"))) {
    if (boot_seconds() > end) stop_launch("the kernel cannot be started: /bin/sh did not answer")
    Sys.sleep(0.02)
  }
  pid <- as.integer(readLines(file.path(folder, "pid")))
  exit <- NULL
  missed <- NULL
  ordered <- NULL
  self <- list(pid = pid)
  self$exit <- function() {
    if (!is.null(exit)) return(exit)
    file <- file.path(folder, "exit")
    if (file.exists(file)) {
      code <- as.integer(readLines(file))
      exit <<- describe_exit(code, ordered)
    } else if (!tools::pskill(pid, 0)) {
      # Its supervisor is about to write how it ended, or was killed. Until that is clear, it is not told that it ended.
      if (is.null(missed)) missed <<- boot_seconds()
      if (boot_seconds() - missed > EXIT_SECONDS) exit <<- list(fields = list(reason = "gone"), code = 1L)
    }
    exit
  }
  self$signal <- function(signum) is.null(self$exit()) && isTRUE(tools::pskill(pid, signum))
  self$order_end <- function(reason) {
    if (is.null(ordered)) ordered <<- reason
    self$signal(15L)
  }
  self$leash <- leash
  self
}

describe_exit <- function(code, ordered) {
  names <- c(`1` = "SIGHUP", `2` = "SIGINT", `3` = "SIGQUIT", `6` = "SIGABRT", `9` = "SIGKILL", `11` = "SIGSEGV", `15` = "SIGTERM")
  signal <- if (code > 128 && as.character(code - 128) %in% base::names(names)) names[[as.character(code - 128)]]
  fields <- if (is.null(signal)) list(reason = "exited", exit_code = code) else list(reason = "signalled", signal = signal)
  if (!is.null(ordered)) fields <- utils::modifyList(fields, list(reason = "killed", detail = ordered))
  list(fields = fields, code = code)
}

# ---- The comm channel --------------------------------------------------------------------------------------------------

# The content of an authentic request; NULL for any other.
open_request <- function(line, key, binding) {
  fields <- open_line(line, function(nonce, box) unseal(key, nonce, box))
  belongs <- identical(fields[["to"]], "launcher") && identical(fields[["kernel_id"]], binding$kernel_id) &&
    identical(fields[["challenge"]], binding$challenge) && is.numeric(fields[["seq"]]) && fields[["seq"]] == binding$seq
  if (belongs) fields
}

failure <- function(error, message) list(ok = FALSE, error = error, message = message)

is_whole <- function(value) is.numeric(value) && length(value) == 1 && is.finite(value) && value >= 0 && value == floor(value)

# What is replied to an authentic request. `kernel` is as start_kernel makes it; `renew` begins the lease anew.
reply_to <- function(fields, kernel, renew) {
  exit <- kernel$exit()
  state <- list(ok = TRUE, alive = is.null(exit), pid = kernel$pid)
  name <- fields[["request"]]
  if (!is.character(name) || !name %in% CAPABILITIES) return(failure("unsupported", "no such request"))
  switch(name,
    ping = state,
    status = {
      wanted <- fields[["max_log_bytes"]]
      if (!is.null(wanted) && !is_whole(wanted)) return(failure("bad_request", "max_log_bytes must be a whole number"))
      c(state, list(log_tail = ""), if (!is.null(exit)) list(exit = exit$fields))
    },
    signal = {
      signum <- fields[["signum"]]
      if (!is_whole(signum) || signum > 64) return(failure("bad_request", "signum must be a whole number from 0 to 64"))
      if (kernel$signal(as.integer(signum))) list(ok = TRUE) else failure("no_kernel", "the kernel has ended")
    },
    renew = list(ok = TRUE, lease_seconds = renew()),
    shutdown = list(ok = TRUE)
  )
}

# Serves until it is told to stop, or the kernel's end has been told long enough. Returns the kernel's exit code.
serve <- function(server, kernel, options) {
  peers <- list()
  renewed <- boot_seconds()
  stopping <- NULL
  ended <- NULL
  renew <- function() {
    renewed <<- boot_seconds()
    options$lease_seconds
  }
  stop_kernel <- function(reason) {
    if (!is.null(stopping)) return(invisible())
    stopping <<- boot_seconds()
    kernel$order_end(reason)
  }
  on.exit(for (peer in peers) close(peer$socket))
  repeat {
    now <- boot_seconds()
    exit <- kernel$exit()
    if (!is.null(exit)) {
      if (is.null(ended)) ended <- now
      if (!is.null(stopping) || now - ended > options$linger_seconds) return(exit$code)
    } else if (!is.null(stopping)) {
      if (now - stopping > 5) kernel$signal(9L)
    } else if (options$lease_seconds > 0 && now - renewed > options$lease_seconds) {
      stop_kernel(paste("the lease was not renewed for", options$lease_seconds, "seconds"))
    }
    late <- vapply(peers, function(peer) now > peer$deadline, logical(1))
    for (peer in peers[late]) close(peer$socket)
    peers <- peers[!late]
    ready <- socketSelect(c(list(server), lapply(peers, function(peer) peer$socket)), timeout = 0.25)
    done <- rep(FALSE, length(peers))
    for (at in which(ready[-1])) {
      result <- tryCatch(suppressWarnings(read_peer(peers[[at]], kernel, renew, options)), error = function(e) NULL)
      done[[at]] <- is.null(result) || identical(result, "shutdown")
      if (identical(result, "shutdown")) stop_kernel("the gateway ordered it") else if (!is.null(result)) peers[[at]] <- result
    }
    for (peer in peers[done]) close(peer$socket)
    peers <- peers[!done]
    if (ready[[1]]) {
      peer <- tryCatch(suppressWarnings(accept_peer(server)), error = function(e) NULL)
      # Many silent peers must not keep one out that has something to say: the oldest goes.
      if (!is.null(peer) && length(peers) >= MAX_CONNECTIONS) {
        close(peers[[1]]$socket)
        peers <- peers[-1]
      }
      if (!is.null(peer)) peers[[length(peers) + 1]] <- peer
    }
  }
}

accept_peer <- function(server) {
  socket <- socketAccept(server, blocking = FALSE, open = "r+b", timeout = 2)
  challenge <- to_base64(sodium::random(32))
  writeBin(charToRaw(paste0(to_json(list(version = 2L, challenge = challenge)), "\n")), socket)
  list(socket = socket, challenge = challenge, seq = 1, received = raw(0), deadline = boot_seconds() + LINE_SECONDS)
}

# The peer as it is after what it sent; NULL when its connection is to be closed.
read_peer <- function(peer, kernel, renew, options) {
  chunk <- readBin(peer$socket, "raw", MAX_LINE_BYTES)
  if (length(chunk) == 0) return(NULL)
  peer$received <- c(peer$received, chunk)
  repeat {
    end <- match(as.raw(0x0a), peer$received)
    if (is.na(end)) return(if (length(peer$received) < MAX_LINE_BYTES) peer)
    line <- as_utf8(peer$received[seq_len(end - 1)])
    peer$received <- peer$received[-seq_len(end)]
    binding <- list(kernel_id = options$kernel_id, challenge = peer$challenge, seq = peer$seq)
    fields <- if (!is.null(line) && end <= MAX_LINE_BYTES) open_request(line, options$comm_key, binding)
    if (is.null(fields)) return(NULL)
    reply <- c(list(to = "gateway"), binding, reply_to(fields, kernel, renew))
    writeBin(charToRaw(sealed_line(options$comm_key, reply)), peer$socket)
    if (identical(fields[["request"]], "shutdown")) return("shutdown")
    peer$seq <- peer$seq + 1
    peer$deadline <- boot_seconds() + LINE_SECONDS
  }
}

# Never set back, and counting the time that the machine was suspended, where the system tells.
boot_seconds <- function() {
  if (file.exists("/proc/uptime")) scan("/proc/uptime", quiet = TRUE, nmax = 1) else proc.time()[["elapsed"]]
}

seconds_from_env <- function(name, default) {
  text <- Sys.getenv(name)
  seconds <- if (nzchar(text)) suppressWarnings(as.numeric(text)) else default
  if (is.na(seconds) || seconds < 0) stop_launch(name, " is no number of seconds")
  seconds
}

# ---- All of it ---------------------------------------------------------------------------------------------------------

# `command` makes the kernel's command of the path of its connection file. Returns the kernel's exit code.
run_kernel <- function(kernel_id, response_address, port_range, command) {
  found <- regmatches(response_address, regexec("^([^:\\[\\]]+):(\\d{1,5})$", response_address, perl = TRUE))[[1]]
  if (length(found) == 0) stop_launch("--response-address '", response_address, "' is not host:port, as 10.0.0.1:8877")
  address <- list(host = found[[2]], port = as.integer(found[[3]]))
  retry_seconds <- seconds_from_env("GP_LAUNCHER_RETRY_SECONDS", 120)
  linger_seconds <- seconds_from_env("GP_LAUNCHER_LINGER_SECONDS", 30)
  bounds <- parse_range(port_range)
  given <- take_launcher_v2(kernel_id)
  Sys.unsetenv("JPY_PARENT_PID")
  ports <- reserve_ports(6L, bounds)
  comm <- ports[[6]]
  on.exit(close(comm$socket))
  info <- list(
    shell_port = ports[[1]]$port, iopub_port = ports[[2]]$port, stdin_port = ports[[3]]$port,
    control_port = ports[[4]]$port, hb_port = ports[[5]]$port, ip = "0.0.0.0",
    key = sodium::bin2hex(sodium::random(16)), transport = "tcp", signature_scheme = "hmac-sha256", kernel_name = ""
  )
  inherited <- Sys.umask("077")
  folder <- tempfile("gp-kernel-", tmpdir = dirname(tempdir()))
  dir.create(folder, mode = "0700")
  on.exit(unlink(folder, recursive = TRUE), add = TRUE)
  file <- file.path(folder, paste0("kernel-", kernel_id, ".json"))
  writeLines(to_json(info), file)
  for (each in ports[1:5]) close(each$socket)
  # What the kernel's user makes is as readable as it would be without us; what is ours is in a folder of our own.
  Sys.umask(inherited)
  kernel <- start_kernel(folder, command(file))
  # Letting go of it ends the kernel, if it still runs.
  on.exit(close(kernel$leash), add = TRUE, after = FALSE)
  comm_key <- sodium::random(32)
  whole <- c(info, list(
    pid = kernel$pid, pgid = kernel$pid, comm_port = comm$port, kernel_id = kernel_id, token = given$token,
    comm_key = to_base64(comm_key), launcher = "launch_IRkernel.R", capabilities = as.list(CAPABILITIES)
  ))
  deliver(make_answer(whole, given), address, retry_seconds)
  serve(comm$socket, kernel, list(
    kernel_id = kernel_id, comm_key = comm_key, lease_seconds = given$lease_seconds, linger_seconds = linger_seconds
  ))
}
