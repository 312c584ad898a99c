/** The lines of code with which the suite asks a kernel about itself. What is printed may be stdout or a result. */
export interface KernelLanguage {
  /** Prints the variable's value as a JSON string, `null` when it is not set. */
  printEnv(name: string): string;
  /** Prints the working directory as a JSON string. */
  printCwd(): string;
  setVariable(name: string, value: string): string;
  printVariable(name: string): string;
  /** Prints something at once, then waits so that SIGINT ends the wait with an error. */
  printAndSleep(durationMs: number): string;
  /** Ends the process with this code, at once. */
  exit(code: number): string;
  /** Writes a line to the process's own stderr, as it was when the kernel started. */
  log(text: string): string;
}

/** The commands of the fake kernel. */
export const fakeKernelLanguage: KernelLanguage = {
  printEnv: (name) => `env ${name}`,
  printCwd: () => 'cwd',
  setVariable: (name, value) => `set ${name} ${value}`,
  printVariable: (name) => `get ${name}`,
  printAndSleep: (durationMs) => `print begun\nsleep ${durationMs}`,
  exit: (code) => `exit ${code}`,
  log: (text) => `log ${text}`,
};

/** Python under ipykernel. */
export const pythonLanguage: KernelLanguage = {
  printEnv: (name) => `import os, json; print(json.dumps(os.environ.get(${JSON.stringify(name)})))`,
  printCwd: () => 'import os, json; print(json.dumps(os.getcwd()))',
  setVariable: (name, value) => `${name} = ${JSON.stringify(value)}`,
  printVariable: (name) => `print(${name})`,
  printAndSleep: (durationMs) => `print("begun", flush=True); import time; time.sleep(${durationMs / 1000})`,
  exit: (code) => `import os; os._exit(${code})`,
  // ipykernel takes file descriptor 2 for itself and keeps a copy of the original.
  log: (text) =>
    `import os, sys; os.write(getattr(sys.stderr, '_original_stdstream_copy', 2), ${JSON.stringify(`${text}\n`)}.encode())`,
};
