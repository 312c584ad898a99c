import { yarnDaskScript, yarnSparkScript } from '../run-script/run-scripts.ts';
import type { KernelLanguage, RenderedKernelSpec, YarnSpecOptions } from '../types.ts';
import { argv } from './argv.ts';
import { languageLauncher } from './launcher-files.ts';
import { checkOptionText, conf, optionText } from './option-text.ts';
import type { ProgramOption } from './option-text.ts';
import type { RenderOptions } from './render-options.ts';
import {
  APPLICATION_NAME,
  DEFAULT_PYTHON_ROOT,
  REQUESTED_OPTIONS,
  pysparkPath,
  pysparkVariables,
  sparkSettings,
  sparkVariables,
  submitArgv,
  withoutSparkWarnings,
} from './spark.ts';
import type { SparkSettings } from './spark.ts';
import { folderName, kernelClass, kernelJson } from './stanza.ts';

/** `spark-submit` takes a list of files along; `dask-yarn submit` has the script, and YARN's node nothing else of ours. */
const SCRIPT_ALONE =
  'dask-yarn submit ships launch_ipykernel.py alone: put the other files of scripts/ where the Python of the nodes finds modules';

/** An application of YARN: Spark's driver in cluster mode, or Dask. */
export function renderYarnSpec(options: YarnSpecOptions, render: RenderOptions): RenderedKernelSpec {
  return options.dask === true ? renderDask(options, render) : renderSpark(options, render);
}

function renderSpark(options: YarnSpecOptions, { folder }: RenderOptions): RenderedKernelSpec {
  const language = options.language ?? 'Python';
  const python = language === 'Python';
  const spark = sparkSettings(options);
  const variant = `yarn_spark_${language.toLowerCase()}`;
  const name = folderName(options.kernelName, variant);
  return {
    variant,
    name,
    kernelJson: kernelJson({
      options,
      language,
      displayName: `Spark ${language} (YARN Cluster)`,
      argv: submitArgv(options, { folder: folder(name), python, spark }),
      env: sparkEnv(language, options, spark),
      provisionerName: 'yarn-provisioner',
      configAfter: endpoints(options),
      encrypts: python,
    }),
    runScript: yarnSparkScript(language),
    language,
    launcherFiles: languageLauncher(language),
    warnings:
      options.extraDaskOpts === undefined ? [] : ['the extra Dask options have no effect: the kernelspec is for Spark'],
  };
}

function renderDask(options: YarnSpecOptions, { folder }: RenderOptions): RenderedKernelSpec {
  const language = 'Python';
  const variant = 'yarn_dask_python';
  const name = folderName(options.kernelName, variant);
  const root = options.pythonRoot ?? DEFAULT_PYTHON_ROOT;
  const extra = options.extraDaskOpts ?? '';
  checkOptionText('the extra Dask options', extra);
  const asked = options.language ?? language;
  return {
    variant,
    name,
    kernelJson: kernelJson({
      options,
      language,
      displayName: 'Dask Python (YARN Cluster)',
      argv: [
        [`${folder(name)}/bin/run.sh`],
        argv.kernelId,
        argv.portRange,
        argv.responseAddress,
        argv.publicKey,
        argv.encryption,
        argv.dask,
        argv.kernelClass(kernelClass(options)),
      ],
      env: {
        SPARK_HOME: sparkSettings({ sparkHome: options.sparkHome }).home,
        DASK_YARN_EXE: `${root}/bin/dask-yarn`,
        DASK_OPTS: optionText(
          [
            ['--name', APPLICATION_NAME],
            ['--environment', `python://${root}/bin/python`],
            ['--temporary-security-credentials'],
            ['--deploy-mode', 'remote'],
          ],
          extra,
        ),
        LAUNCH_OPTS: '',
      },
      provisionerName: 'yarn-provisioner',
      configAfter: endpoints(options),
      encrypts: true,
    }),
    runScript: yarnDaskScript(),
    language,
    launcherFiles: languageLauncher(language),
    warnings: [
      SCRIPT_ALONE,
      ...(asked === language ? [] : [`Dask runs Python kernels: Python is used instead of ${asked}`]),
      ...withoutSparkWarnings(options, 'the kernelspec is for Dask'),
    ],
  };
}

function endpoints(options: YarnSpecOptions): Readonly<Record<string, string | boolean | undefined>> {
  return {
    yarn_endpoint: options.yarnEndpoint,
    alt_yarn_endpoint: options.altYarnEndpoint,
    yarn_endpoint_security_enabled: options.yarnEndpointSecurityEnabled,
    impersonation_enabled: options.impersonationEnabled,
  };
}

function sparkEnv(
  language: KernelLanguage,
  options: YarnSpecOptions,
  spark: SparkSettings,
): Readonly<Record<string, string>> {
  const root = options.pythonRoot ?? DEFAULT_PYTHON_ROOT;
  const path = pysparkPath(spark.home, options.py4j);
  const waits = language === 'Python' ? [] : [conf('spark.yarn.am.waitTime', '1d')];
  const text = optionText(
    [
      ['--master', 'yarn'],
      ['--deploy-mode', 'cluster'],
      ['--name', APPLICATION_NAME],
      conf('spark.yarn.submit.waitAppCompletion', 'false'),
      ...waits,
      ...nodeOptions(language, root, path),
    ],
    spark.extraOptions,
    REQUESTED_OPTIONS,
  );
  const python = pysparkVariables(root, path);
  const variables = sparkVariables(language, { home: spark.home, sparkOptions: text, python });
  return language === 'Scala' ? { ...variables, DEFAULT_INTERPRETER: 'Scala' } : variables;
}

/** What the driver finds on its node. */
function nodeOptions(language: KernelLanguage, root: string, path: string): readonly ProgramOption[] {
  const programs = conf('spark.yarn.appMasterEnv.PATH', `${root}/bin:$PATH`);
  switch (language) {
    case 'Python':
      // Python finds a user's own packages by itself, whatever its version, when it knows where the user's home is.
      return [
        conf('spark.yarn.appMasterEnv.PYTHONUSERBASE', '/home/${KERNEL_USERNAME}/.local'),
        conf('spark.yarn.appMasterEnv.PYTHONPATH', path),
        programs,
      ];
    case 'R':
      return [programs, conf('spark.sparkr.r.command', `${root}/lib/R/bin/Rscript`)];
    case 'Scala':
      return [];
  }
}
