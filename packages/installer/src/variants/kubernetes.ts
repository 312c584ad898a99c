import { ProvisionerError } from '@gateway-provisioners/core';
import { kubernetesSparkScript } from '../run-script/run-scripts.ts';
import type { KernelLanguage, KubernetesSpecOptions, RenderedKernelSpec } from '../types.ts';
import { argv } from './argv.ts';
import { defaultImage } from './images.ts';
import { containerLauncher } from './launcher-files.ts';
import { conf, optionText } from './option-text.ts';
import type { ProgramOption } from './option-text.ts';
import type { RenderOptions } from './render-options.ts';
import { REQUESTED_OPTIONS, sparkSettings, sparkVariables, submitArgv, withoutSparkWarnings } from './spark.ts';
import type { SparkSettings } from './spark.ts';
import { folderName, kernelClass, kernelJson } from './stanza.ts';

/** A pod; a Spark driver's pod, submitted from beside the gateway; or a SparkApplication for the Spark operator. */
export function renderKubernetesSpec(options: KubernetesSpecOptions, render: RenderOptions): RenderedKernelSpec {
  if (options.crd === true) return renderOperator(options, render);
  return options.spark === true ? renderSpark(options, render) : renderPlain(options, render);
}

function renderPlain(options: KubernetesSpecOptions, { folder }: RenderOptions): RenderedKernelSpec {
  const language = options.language ?? 'Python';
  const python = language === 'Python';
  const variant = `k8s_${language.toLowerCase()}`;
  const name = folderName(options.kernelName, variant);
  const reason = 'the kernelspec is not for Spark';
  return {
    variant,
    name,
    kernelJson: kernelJson({
      options,
      language,
      displayName: `Kubernetes ${language}`,
      argv: [
        ['python', `${folder(name)}/scripts/launch_kubernetes.py`],
        argv.kernelId,
        argv.portRange,
        argv.responseAddress,
        argv.publicKey,
        ...(python ? [argv.encryption, argv.kernelClass(kernelClass(options))] : []),
      ],
      provisionerName: 'kubernetes-provisioner',
      configBefore: { image_name: options.imageName ?? defaultImage(language, { spark: false }) },
      encrypts: python,
      debugger: python,
    }),
    language,
    launcherFiles: containerLauncher('kubernetes', ['launch_kubernetes.py', 'kernel-pod.yaml.j2']),
    warnings: [
      ...withoutSparkWarnings(options, reason),
      ...(options.executorImageName === undefined ? [] : [`the executor image has no effect: ${reason}`]),
    ],
  };
}

function renderSpark(options: KubernetesSpecOptions, { folder }: RenderOptions): RenderedKernelSpec {
  const language = options.language ?? 'Python';
  const python = language === 'Python';
  const spark = sparkSettings(options);
  const variant = `k8s_${language.toLowerCase()}_spark`;
  const name = folderName(options.kernelName, variant);
  return {
    variant,
    name,
    kernelJson: kernelJson({
      options,
      language,
      displayName: `Kubernetes ${language} (with Spark)`,
      argv: submitArgv(options, { folder: folder(name), python, spark }),
      env: sparkEnv(language, spark),
      provisionerName: 'kubernetes-provisioner',
      configBefore: images(options, language),
      encrypts: python,
      debugger: python,
    }),
    runScript: kubernetesSparkScript(language),
    language,
    launcherFiles: containerLauncher('kubernetes', ['launch_kubernetes.py', 'kernel-pod.yaml.j2']),
    warnings: [],
  };
}

function renderOperator(options: KubernetesSpecOptions, { folder }: RenderOptions): RenderedKernelSpec {
  if (options.spark !== true) {
    const message = 'a custom resource needs the kind of application that it is for: ask for Spark as well';
    throw new ProvisionerError('INVALID_ARGUMENT', message);
  }
  const language = 'Python';
  const variant = 'k8s_python_spark_operator';
  const name = folderName(options.kernelName, variant);
  const asked = options.language ?? language;
  return {
    variant,
    name,
    kernelJson: kernelJson({
      options,
      language,
      displayName: 'Kubernetes Spark Operator',
      argv: [
        ['python', `${folder(name)}/scripts/launch_custom_resource.py`],
        argv.kernelId,
        argv.portRange,
        argv.responseAddress,
        argv.publicKey,
        argv.encryption,
        argv.kernelClass(kernelClass(options)),
      ],
      provisionerName: 'spark-operator-provisioner',
      configBefore: images(options, language),
      encrypts: true,
      debugger: true,
    }),
    language,
    launcherFiles: containerLauncher('operators', [
      'launch_custom_resource.py',
      'sparkoperator.k8s.io-v1beta2.yaml.j2',
    ]),
    warnings: [
      ...(asked === language ? [] : [`the Spark operator runs Python kernels: Python is used instead of ${asked}`]),
      ...withoutSparkWarnings(options, "the operator's resource says how Spark is run"),
    ],
  };
}

function images(options: KubernetesSpecOptions, language: KernelLanguage): Readonly<Record<string, string>> {
  const image = options.imageName ?? defaultImage(language, { spark: true });
  return { image_name: image, executor_image_name: options.executorImageName ?? image };
}

function sparkEnv(language: KernelLanguage, spark: SparkSettings): Readonly<Record<string, string>> {
  const text = optionText(sparkOptions(language), spark.extraOptions, REQUESTED_OPTIONS);
  const variables = sparkVariables(language, { home: spark.home, sparkOptions: text });
  return language === 'Scala' ? { ...variables, DEFAULT_INTERPRETER: 'Scala' } : variables;
}

function sparkOptions(language: KernelLanguage): readonly ProgramOption[] {
  return [
    ['--master', 'k8s://https://${KUBERNETES_SERVICE_HOST}:${KUBERNETES_SERVICE_PORT}'],
    ['--deploy-mode', 'cluster'],
    ['--name', '${KERNEL_USERNAME}-${KERNEL_ID}'],
    conf('spark.kubernetes.namespace', '${KERNEL_NAMESPACE}'),
    ...(language === 'Scala' ? ([['--driver-memory', '2G']] as const) : []),
    ...podLabels('driver', 'kernel'),
    ...podLabels('executor', 'worker'),
    conf('spark.kubernetes.driver.container.image', '${KERNEL_IMAGE}'),
    conf('spark.kubernetes.executor.container.image', '${KERNEL_EXECUTOR_IMAGE}'),
    conf('spark.kubernetes.authenticate.driver.serviceAccountName', '${KERNEL_SERVICE_ACCOUNT_NAME}'),
    conf('spark.kubernetes.submission.waitAppCompletion', 'false'),
    ...(language === 'Python' ? [conf('spark.kubernetes.pyspark.pythonVersion', '3')] : []),
  ];
}

/** By these a kernel's pods are found; all other kernels' pods have the same. */
function podLabels(role: 'driver' | 'executor', component: string): readonly ProgramOption[] {
  return [
    conf(`spark.kubernetes.${role}.label.app`, 'gateway-provisioners'),
    conf(`spark.kubernetes.${role}.label.kernel_id`, '${KERNEL_ID}'),
    conf(`spark.kubernetes.${role}.label.component`, component),
  ];
}
