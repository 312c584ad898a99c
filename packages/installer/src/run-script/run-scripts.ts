import type { KernelLanguage } from '../types.ts';
import { listenerModules } from '../variants/launcher-files.ts';
import type { CommandPart, RunScript } from './run-script.ts';

const titles: Readonly<Record<KernelLanguage, string>> = {
  Python: 'the launcher of Python kernels',
  R: 'the launcher of R kernels',
  Scala: 'the launcher of Scala kernels (Toree)',
};

const scripts: Readonly<Record<'Python' | 'R', string>> = {
  Python: 'scripts/launch_ipykernel.py',
  R: 'scripts/launch_IRkernel.R',
};

const word = (text: string): CommandPart => ({ kind: 'word', text });
const options = (variable: string): CommandPart => ({ kind: 'options', variable });

const SPARK_SUBMIT = word('${SPARK_HOME}/bin/spark-submit');
/** Another user of this machine; the password-less rule in sudoers is the operator's. */
const SUDO: CommandPart = {
  kind: 'impersonation',
  words: ['sudo', '-H', '-E', '-u', '${KERNEL_USERNAME}', 'PATH=${PATH}'],
};
const PROXY_USER: CommandPart = { kind: 'impersonation', words: ['--proxy-user', '${KERNEL_USERNAME}'] };

/** What is given when a kernel is started is stronger than what was given when the kernelspec was made. */
const TOREE_OPTIONS = [
  '[ -n "${SPARK_OPTS-}" ] || SPARK_OPTS=${__TOREE_SPARK_OPTS__-}',
  '[ -n "${TOREE_OPTS-}" ] || TOREE_OPTS=${__TOREE_OPTS__-}',
];

function toreeJars(folder: string): readonly string[] {
  return [
    `find_one "${folder}/toree-assembly-*.jar"`,
    'assembly=$found',
    `find_one "${folder}/toree-launcher*.jar"`,
    'launcher=$found',
  ];
}

function toreeCommand(scheme: '' | 'local://'): readonly CommandPart[] {
  return [
    word('--jars'),
    word(`${scheme}\${assembly}`),
    word('--class'),
    word('launcher.ToreeLauncher'),
    word(`${scheme}\${launcher}`),
    options('TOREE_OPTS'),
    options('LAUNCH_OPTS'),
  ];
}

/** Spark on Kubernetes in cluster mode: launcher and jars are in the image, at the place where they are here. */
export function kubernetesSparkScript(language: KernelLanguage): RunScript {
  const title = `${titles[language]} with Spark on Kubernetes`;
  const required = ['SPARK_HOME', 'KERNEL_ID'];
  const launchers = 'launchers=${KERNEL_LAUNCHERS_DIR:-/usr/local/bin/kernel-launchers}';
  if (language === 'Scala') {
    return {
      title,
      required,
      preparation: [launchers, ...toreeJars('${launchers}/scala/lib'), ...TOREE_OPTIONS],
      command: [SPARK_SUBMIT, options('SPARK_OPTS'), ...toreeCommand('local://')],
    };
  }
  const folder = language === 'Python' ? 'python' : 'R';
  return {
    title,
    required,
    preparation: [launchers],
    command: [
      SPARK_SUBMIT,
      options('SPARK_OPTS'),
      word(`local://\${launchers}/${folder}/${scripts[language]}`),
      options('LAUNCH_OPTS'),
    ],
  };
}

/** Spark on YARN in cluster mode: what the launcher needs travels with it. */
export function yarnSparkScript(language: KernelLanguage): RunScript {
  const title = `${titles[language]} with Spark in YARN's cluster mode`;
  const required = ['SPARK_HOME'];
  if (language === 'Scala') {
    return {
      title,
      required,
      preparation: [...toreeJars('${home}/lib'), ...TOREE_OPTIONS],
      command: [SPARK_SUBMIT, options('SPARK_OPTS'), PROXY_USER, ...toreeCommand('')],
    };
  }
  const listener = '${home}/scripts/server_listener.py';
  const option = language === 'R' ? '--files' : '--py-files';
  const modules = listenerModules.map((name) => `\${home}/scripts/${name}.py`);
  return {
    title,
    required,
    preparation: [],
    command: [
      SPARK_SUBMIT,
      options('SPARK_OPTS'),
      { kind: 'if-file', file: listener, words: [option, listener] },
      // Of the same option twice, spark-submit takes the later.
      { kind: 'if-file', file: modules[0] ?? listener, words: [option, [listener, ...modules].join(',')] },
      PROXY_USER,
      word(`\${home}/${scripts[language]}`),
      options('LAUNCH_OPTS'),
    ],
  };
}

/** Dask on YARN. */
export function yarnDaskScript(): RunScript {
  return {
    title: `${titles.Python} with Dask on YARN`,
    required: ['DASK_YARN_EXE'],
    preparation: [],
    command: [
      word('${DASK_YARN_EXE}'),
      word('submit'),
      options('DASK_OPTS'),
      { kind: 'impersonation', words: ['--user', '${KERNEL_USERNAME}'] },
      word(`\${home}/${scripts.Python}`),
      options('LAUNCH_OPTS'),
    ],
  };
}

/** Spark in client mode, on a host that was reached over SSH. */
export function sshSparkScript(language: KernelLanguage): RunScript {
  const title = `${titles[language]} with Spark in client mode`;
  const required = ['SPARK_HOME'];
  if (language === 'Scala') {
    return {
      title,
      required,
      preparation: [...toreeJars('${home}/lib'), ...TOREE_OPTIONS],
      command: [SUDO, SPARK_SUBMIT, options('SPARK_OPTS'), ...toreeCommand('')],
    };
  }
  return {
    title,
    required,
    preparation: [],
    command: [SUDO, SPARK_SUBMIT, options('SPARK_OPTS'), word(`\${home}/${scripts[language]}`), options('LAUNCH_OPTS')],
  };
}
