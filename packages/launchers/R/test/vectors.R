# Runs the protocol's test vectors: Rscript vectors.R <folder of vectors>. Fails at the first that is not as it should be.
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
listener <- new.env()
sys.source(file.path(here, "..", "scripts", "gateway_listener.R"), envir = listener)
attach(listener)
load_vectors <- function(name) jsonlite::read_json(file.path(commandArgs(TRUE)[[1]], paste0(name, ".json")))
checks <- 0
check <- function(what, is_so) {
  if (!isTRUE(is_so)) stop(what, call. = FALSE)
  checks <<- checks + 1
}
bytes <- function(text) from_base64(text)

box <- load_vectors("box")
key <- bytes(box$shared_key)
for (each in box$boxes) {
  opened <- unseal(key, bytes(each$nonce), bytes(each$box))
  check(paste("opens", each$name), identical(as.raw(opened), as.raw(bytes(each$plaintext))))
  sealed <- sodium::data_encrypt(bytes(each$plaintext), key, bytes(each$nonce))
  attributes(sealed) <- NULL
  check(paste("seals", each$name), identical(to_base64(sealed), each$box))
}
for (each in box$refused) check(paste("refuses:", each$name), is.null(unseal(key, bytes(each$nonce), bytes(each$box))))

version2 <- load_vectors("version2")
answer <- version2$answer
given <- parse_launcher_v2(answer$launcher_v2, version2$kernel_id)
expected <- jsonlite::parse_json(answer$launcher_v2_json)
check("parameters", identical(given$token, expected$token) && given$lease_seconds == expected$lease_seconds)
for (wrong in c("", "%", "e30=", sub("^.", "f", answer$launcher_v2))) {
  failed <- tryCatch(is.null(parse_launcher_v2(wrong, version2$kernel_id)), launch_error = function(e) TRUE)
  check("parameters that are none", failed)
}
secret <- bytes(answer$launcher$secret_key)
for (each in answer$accepted) {
  line <- jsonlite::parse_json(each$line)
  box <- sodium::auth_encrypt(charToRaw(each$plaintext), secret, given$public_key, bytes(line$nonce))
  attributes(box) <- NULL
  check(paste("answer:", each$name), identical(to_base64(box), line$box))
  made <- make_answer(jsonlite::parse_json(each$plaintext), given, secret, bytes(line$nonce))
  check("the envelope", identical(jsonlite::parse_json(made$line)[c("kernel_id", "public_key", "nonce")], line[c("kernel_id", "public_key", "nonce")]))
}
for (each in answer$replies) {
  outcome <- read_reply(trimws(each$line), version2$kernel_id, given$public_key, secret)
  check(paste("reply:", each$name), identical(outcome == "taken", each$ok))
}

comm <- version2$comm
key <- bytes(comm$comm_key)
binding <- list(kernel_id = comm$kernel_id, challenge = comm$challenge, seq = 1)
kernel <- list(pid = 4711L, exit = function() NULL, signal = function(signum) TRUE)
renew <- function() 3600
for (each in comm$requests) {
  fields <- open_request(trimws(each$line), key, binding)
  check(paste("request:", each$name), identical(fields, jsonlite::parse_json(each$plaintext)))
  check(paste("is done:", each$name), isTRUE(reply_to(fields, kernel, renew)$ok))
}
for (each in comm$refused_requests) check(paste("refuses:", each$name), is.null(open_request(trimws(each$line), key, binding)))
for (each in comm$bad_requests) {
  reply <- reply_to(open_request(trimws(each$line), key, binding), kernel, renew)
  check(paste("bad:", each$name), identical(reply$error, each$error))
}
for (each in comm$replies) {
  line <- jsonlite::parse_json(each$line)
  check(paste("reply is sealed:", each$name), identical(seal(key, each$plaintext, bytes(line$nonce))$box, line$box))
}
cat(checks, "checks\n")
