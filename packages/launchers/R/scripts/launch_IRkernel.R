#!/usr/bin/env Rscript
# Starts IRkernel, tells a gateway how to reach it, and takes the gateway's orders for it.
#
#   Rscript launch_IRkernel.R --kernel-id ID --response-address HOST:PORT --public-key KEY [options]
#
# This process becomes the parent of two: the listener, which answers the gateway and supervises, and the kernel, which is
# this script again, started by the listener with --connection-file. The listener is Python's (server_listener.py beside
# this script, or in ../../python/scripts), and where there is no Python the one in R (gateway_listener.R), which needs the
# package sodium and speaks version 2 of the protocol alone. GP_R_LISTENER=R takes that one in any case.
#
# Everything is local: what a kernel's user finds in the global environment is the user's own.
local({
  NAMES <- c(
    "kernel-id", "response-address", "public-key", "port-range", "spark-context-initialization-mode", "customAppName",
    "transport-encryption", "cluster-type", "connection-file"
  )
  USAGE <- paste(
    "Usage: launch_IRkernel.R [options]", "",
    "  --kernel-id ID                the kernel's id (environment: KERNEL_ID)",
    "  --response-address HOST:PORT  where the gateway waits (RESPONSE_ADDRESS)",
    "  --public-key KEY              the gateway's RSA key (PUBLIC_KEY; not needed with GP_LAUNCHER_V2)",
    "  --port-range LOW..HIGH        ports that may be used (PORT_RANGE; default 0..0, any)",
    "  --spark-context-initialization-mode lazy|eager|none   default none",
    "  --customAppName NAME          Spark's name for the application; default the kernel's id",
    "  --transport-encryption MODE   disabled or auto; required is refused",
    "", "The options are also known as --RemoteProcessProxy.kernel-id and so on.", "",
    sep = "\n"
  )

  fail <- function(...) {
    cat("launch_IRkernel.R: ", ..., "\n", sep = "", file = stderr())
    quit(save = "no", status = 1)
  }

  # ---- Options -------------------------------------------------------------------------------------------------------

  parse_options <- function(words) {
    given <- list()
    aliases <- list()
    while (length(words) > 0) {
      if (words[[1]] %in% c("--help", "-h")) {
        cat(USAGE)
        quit(save = "no", status = 0)
      }
      found <- regmatches(words[[1]], regexec("^--(RemoteProcessProxy[.])?([^=]+)(=(.*))?$", words[[1]]))[[1]]
      if (length(found) == 0 || !found[[3]] %in% NAMES) {
        fail("unknown option ", words[[1]], "; --help lists the options")
      }
      words <- words[-1]
      value <- found[[5]]
      if (!nzchar(found[[4]])) {
        # Templates leave out values that are empty.
        value <- ""
        if (length(words) > 0 && !startsWith(words[[1]], "--")) {
          value <- words[[1]]
          words <- words[-1]
        }
      }
      if (nzchar(found[[2]])) aliases[[found[[3]]]] <- value else given[[found[[3]]]] <- value
    }
    options <- utils::modifyList(aliases, given)
    function(name, variable = NULL, default = "") {
      candidates <- c(options[[name]], if (!is.null(variable)) Sys.getenv(variable), default)
      c(candidates[nzchar(candidates)], "")[[1]]
    }
  }

  check_options <- function(option) {
    id <- option("kernel-id", "KERNEL_ID")
    if (!nzchar(id)) fail("--kernel-id is missing: the id that the gateway gave the kernel")
    if (!grepl("^[A-Za-z0-9._-]{1,128}$", id)) {
      fail("--kernel-id must be 1 to 128 letters, digits, dots, underscores or hyphens")
    }
    secret <- nzchar(Sys.getenv("GP_LAUNCHER_V2"))
    if (!nzchar(option("response-address", "RESPONSE_ADDRESS")) && !secret) {
      fail("--response-address is missing: the gateway's host:port for answers")
    }
    if (!nzchar(option("public-key", "PUBLIC_KEY")) && !secret) {
      fail("--public-key is missing: the gateway's key for answers")
    }
    mode <- option("spark-context-initialization-mode", default = "none")
    if (!mode %in% c("lazy", "eager", "none")) {
      fail("--spark-context-initialization-mode is '", mode, "'; it must be lazy, eager or none")
    }
    if (tolower(trimws(option("transport-encryption"))) == "required") {
      fail("Transport encryption is 'required' but cannot be applied: IRkernel does not encrypt its channels")
    }
    if (mode != "none" && !has_sparkr()) {
      fail("--spark-context-initialization-mode is '", mode, "' and the package SparkR is not here: set SPARK_HOME, or use none")
    }
    if (!requireNamespace("IRkernel", quietly = TRUE)) {
      fail("the package IRkernel is not installed; install.packages(\"IRkernel\"), or r-cran-irkernel on Debian")
    }
  }

  # ---- The kernel ----------------------------------------------------------------------------------------------------

  has_sparkr <- function() {
    home <- Sys.getenv("SPARK_HOME")
    if (nzchar(home)) .libPaths(c(file.path(home, "R", "lib"), .libPaths()))
    requireNamespace("SparkR", quietly = TRUE)
  }

  # `spark`, `sc` and `sqlContext`, made now or when one of them is first used.
  provide_spark <- function(mode, application) {
    has_sparkr()
    # Last on the search path, so that its names need no prefix.
    suppressPackageStartupMessages(library("SparkR", character.only = TRUE))
    sparkr <- asNamespace("SparkR")
    session <- NULL
    get_session <- function() {
      if (is.null(session)) {
        config <- list(spark.executorEnv.R_LIBS_USER = paste(.libPaths(), collapse = .Platform$path.sep), spark.rdd.compress = "true")
        session <<- sparkr$sparkR.session(appName = application, sparkConfig = config, enableHiveSupport = FALSE)
      }
      session
    }
    get_context <- function() {
      sparkr$callJStatic("org.apache.spark.sql.api.r.SQLUtils", "getJavaSparkContext", get_session())
    }
    delayedAssign("spark", get_session(), assign.env = globalenv())
    delayedAssign("sqlContext", get_session(), assign.env = globalenv())
    delayedAssign("sc", get_context(), assign.env = globalenv())
    if (mode == "eager") {
      force(get("spark", envir = globalenv()))
      force(get("sc", envir = globalenv()))
    }
    # IRkernel ends by quit(), after which no on.exit() is run; what belongs to the global environment is. Only a session
    # that was made has to be stopped.
    stop_session <- function(e) if (!is.null(session)) try(sparkr$sparkR.session.stop(), silent = TRUE)
    reg.finalizer(globalenv(), stop_session, onexit = TRUE)
  }

  run_kernel <- function(option) {
    mode <- option("spark-context-initialization-mode", default = "none")
    if (mode != "none") provide_spark(mode, option("customAppName", default = option("kernel-id")))
    IRkernel::main(option("connection-file"))
  }

  # ---- The listener --------------------------------------------------------------------------------------------------

  this_file <- function() {
    path <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
    # R writes blanks in this argument so.
    normalizePath(gsub("~+~", " ", path[[1]], fixed = TRUE))
  }

  find_python <- function() {
    is_recent <- "import sys; sys.exit(sys.version_info < (3, 9))"
    for (name in c(Sys.getenv("PYSPARK_PYTHON"), "python3", "python")) {
      path <- if (nzchar(name)) Sys.which(name) else ""
      if (!nzchar(path)) next
      if (system2(path, c("-c", shQuote(is_recent)), stdout = FALSE, stderr = FALSE) == 0) return(unname(path))
    }
    NULL
  }

  find_listener <- function(folder) {
    beside <- file.path(folder, "server_listener.py")
    of_image <- file.path(dirname(dirname(folder)), "python", "scripts", "server_listener.py")
    # Gateway Provisioners' file of this name is no program of its own; parts like these belong to ours alone.
    is_ours <- function(file) file.exists(file) && file.exists(file.path(dirname(file), "gateway_protocol.py"))
    c(Filter(is_ours, c(beside, of_image)), NA_character_)[[1]]
  }

  kernel_command <- function(option) {
    pass <- function(name) {
      value <- option(name)
      if (nzchar(value)) c(paste0("--", name), value)
    }
    c(
      file.path(R.home("bin"), "Rscript"), this_file(),
      "--connection-file", "{connection_file}", "--kernel-id", option("kernel-id", "KERNEL_ID"),
      pass("spark-context-initialization-mode"), pass("customAppName")
    )
  }

  run_python_listener <- function(python, listener, option) {
    given <- function(name, variable) {
      value <- option(name, variable)
      if (nzchar(value)) c(paste0("--", name), value)
    }
    words <- c(
      python, listener,
      given("kernel-id", "KERNEL_ID"), given("response-address", "RESPONSE_ADDRESS"),
      given("public-key", "PUBLIC_KEY"), given("port-range", "PORT_RANGE"),
      "--", kernel_command(option)
    )
    # The listener ends the kernel when this process is gone. `exec`: no shell in between.
    Sys.setenv(JPY_PARENT_PID = Sys.getpid())
    system(paste("exec", paste(shQuote(words), collapse = " ")))
  }

  run_own_listener <- function(option) {
    needed <- "Python 3.9 or newer with server_listener.py beside this script, or the R package sodium with gateway_listener.R"
    listener <- file.path(dirname(this_file()), "gateway_listener.R")
    if (!file.exists(listener) || !requireNamespace("sodium", quietly = TRUE)) fail("the listener needs ", needed)
    if (!nzchar(Sys.getenv("GP_LAUNCHER_V2"))) fail("without Python only version 2 is spoken, and GP_LAUNCHER_V2 is not set; install Python 3.9 or newer")
    functions <- new.env()
    sys.source(listener, envir = functions)
    words <- kernel_command(option)
    command <- function(file) gsub("{connection_file}", file, words, fixed = TRUE)
    tryCatch(
      functions$run_kernel(
        option("kernel-id", "KERNEL_ID"), option("response-address", "RESPONSE_ADDRESS"), option("port-range", "PORT_RANGE"), command
      ),
      launch_error = function(e) fail(conditionMessage(e))
    )
  }

  option <- parse_options(commandArgs(TRUE))
  if (nzchar(option("connection-file"))) {
    run_kernel(option)
    return(invisible())
  }
  check_options(option)
  python <- if (Sys.getenv("GP_R_LISTENER") != "R") find_python()
  listener <- find_listener(dirname(this_file()))
  if (!is.null(python) && !is.na(listener)) {
    quit(save = "no", status = run_python_listener(python, listener, option))
  }
  quit(save = "no", status = run_own_listener(option))
})
