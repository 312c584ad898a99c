import { sshSparkScript } from '../run-script/run-scripts.ts';
import type { KernelLanguage, RenderedKernelSpec, SshSpecOptions } from '../types.ts';
import { argv } from './argv.ts';
import { languageLauncher } from './launcher-files.ts';
import { conf, optionText } from './option-text.ts';
import type { RenderOptions } from './render-options.ts';
import {
  APPLICATION_NAME,
  DEFAULT_PYTHON_ROOT,
  REQUESTED_OPTIONS,
  pysparkPath,
  pysparkVariables,
  sparkSettings,
  sparkVariables,
  withoutSparkWarnings,
} from './spark.ts';
import type { SparkSettings } from './spark.ts';
import { folderName, kernelClass, kernelJson } from './stanza.ts';
import type { Variant } from './stanza.ts';

/** A process on another host, which is reached over SSH; with Spark, a driver in client mode there. */
export function renderSshSpec(options: SshSpecOptions, { folder }: RenderOptions): RenderedKernelSpec {
  const language = options.language ?? 'Python';
  const python = language === 'Python';
  const withSpark = options.spark === true;
  const spark = sparkSettings(options);
  const variant = `ssh_${language.toLowerCase()}${withSpark ? '_spark' : ''}`;
  const name = folderName(options.kernelName, variant);
  // Toree is a Spark application in any case.
  const submitted = withSpark || language === 'Scala';
  const common: Omit<Variant, 'argv' | 'env'> = {
    options,
    language,
    displayName: `${language} SSH${withSpark ? ' (with Spark)' : ''}`,
    provisionerName: 'distributed-provisioner',
    configAfter: { remote_hosts: options.remoteHosts },
    encrypts: python,
    debugger: python,
  };
  return {
    variant,
    name,
    kernelJson: kernelJson(
      submitted
        ? { ...common, argv: sparkArgv(options, spark, folder(name)), env: sparkEnv(language, options, spark) }
        : { ...common, argv: plainArgv(options, folder(name)) },
    ),
    ...(submitted ? { runScript: sshSparkScript(language) } : {}),
    language,
    launcherFiles: languageLauncher(language),
    warnings: withSpark ? [] : withoutSparkWarnings(options, 'the kernelspec is not for Spark'),
  };
}

function plainArgv(options: SshSpecOptions, folder: string): readonly (readonly string[])[] {
  if (options.language === 'R') {
    const launcher = ['Rscript', `${folder}/scripts/launch_IRkernel.R`];
    return [launcher, argv.kernelId, argv.responseAddress, argv.publicKey, argv.portRange];
  }
  return [
    ['python', `${folder}/scripts/launch_ipykernel.py`],
    argv.kernelId,
    argv.portRange,
    argv.responseAddress,
    argv.publicKey,
    argv.encryption,
    argv.kernelClass(kernelClass(options)),
  ];
}

function sparkArgv(options: SshSpecOptions, spark: SparkSettings, folder: string): readonly (readonly string[])[] {
  const python = (options.language ?? 'Python') === 'Python';
  return [
    [`${folder}/bin/run.sh`],
    argv.kernelId,
    argv.responseAddress,
    argv.publicKey,
    ...(python ? [argv.encryption] : []),
    argv.portRange,
    ...(options.spark === true ? [argv.sparkInitMode(spark.initMode)] : []),
    ...(python ? [argv.kernelClass(kernelClass(options))] : []),
  ];
}

function sparkEnv(
  language: KernelLanguage,
  options: SshSpecOptions,
  spark: SparkSettings,
): Readonly<Record<string, string>> {
  const root = options.pythonRoot ?? DEFAULT_PYTHON_ROOT;
  const text = optionText(
    [
      ...(options.spark === true
        ? ([
            ['--master', options.sparkMaster ?? 'yarn'],
            ['--deploy-mode', 'client'],
          ] as const)
        : []),
      ['--name', APPLICATION_NAME],
      ...(language === 'R' ? [conf('spark.sparkr.r.command', `${root}/lib/R/bin/Rscript`)] : []),
    ],
    ...(options.spark === true ? [spark.extraOptions] : []),
    REQUESTED_OPTIONS,
  );
  const python = pysparkVariables(root, pysparkPath(spark.home, options.py4j));
  return sparkVariables(language, { home: spark.home, sparkOptions: text, python });
}
