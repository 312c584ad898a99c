note <- function(...) cat(..., "\n", sep = "", file = Sys.getenv("GP_FAKE_SPARK"), append = TRUE)

sparkR.session <- function(appName, sparkConfig, enableHiveSupport) {
  stopifnot(is.list(sparkConfig), !enableHiveSupport)
  note("session ", appName)
  list(application = appName)
}

sparkR.session.stop <- function() note("stop")

# Not exported, as in SparkR itself.
callJStatic <- function(class, method, session) {
  note(method)
  list(context_of = session$application)
}
