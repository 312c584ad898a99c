/** A place where our installer differs from that of the Python package gateway_provisioners 0.5.0, and why. */
export interface InstallerException {
  readonly theirs: string;
  readonly ours: string;
  readonly reason: string;
}

/** A case in which theirs does not do what it is asked. */
export interface InstallerFailure {
  /** `nothing`: it ends with an error. `unfinished`: it ends with 0 and leaves its template for a `kernel.json`. */
  readonly leaves: 'nothing' | 'unfinished';
  readonly reason: string;
  /** All that ours installs. */
  readonly ours: Readonly<Record<string, string>>;
}

const NOTHING = '(nothing)';

const noDebugger = {
  'metadata.debugger': { theirs: 'true', ours: NOTHING, reason: 'neither IRkernel nor Toree has a debugger' },
};

const appLabel = {
  theirs: 'kubernetes-kernel-provider',
  ours: 'gateway-provisioners',
  reason: "the label of all other kernels' pods, and the one that is documented",
};

const declaresCurve = {
  'metadata.supported_encryption': {
    theirs: NOTHING,
    ours: '["curve"]',
    reason: 'its launcher can encrypt, but without this nobody ever asks it to',
  },
};

const kubernetesPythonSpark = {
  ...declaresCurve,
  'argv.--port-range': {
    theirs: NOTHING,
    ours: '{port_range}',
    reason: 'a port range in the settings would not reach the launcher',
  },
  'argv.--transport-encryption': {
    theirs: NOTHING,
    ours: '{transport_encryption}',
    reason: 'the launcher could not be told to encrypt',
  },
  'env.SPARK_OPTS.spark.kubernetes.driver.label.app': appLabel,
  'env.SPARK_OPTS.spark.kubernetes.executor.label.app': appLabel,
};

const python37 = {
  theirs: '${HOME}/.local/lib/python3.7/site-packages:/SPARK/python:/SPARK/python/lib/py4j-0.10.9.7-src.zip',
  ours: '/SPARK/python:/SPARK/python/lib/py4j-0.10.9.7-src.zip',
  reason: "packages of Python 3.7 break any other; Python finds a user's own packages without being told",
};

const yarnPython = {
  'env.PYTHONPATH': python37,
  'env.SPARK_OPTS.spark.yarn.appMasterEnv.PYTHONPATH': python37,
};

const sshPython = {
  'env.PYTHONPATH': {
    theirs:
      '${HOME}/.local/lib/python3.7/site-packages:/usr/hdp/current/spark2-client/python:/usr/hdp/current/spark2-client/python/lib/py4j-0.10.6-src.zip',
    ours: '/SPARK/python:/SPARK/python/lib/py4j-0.10.9.7-src.zip',
    reason: 'paths of one distribution of Hadoop, although the home of Spark is an option',
  },
};

/** By case, then by what differs. One that does not differ any more fails the test. */
export const exceptions: Readonly<Record<string, Readonly<Record<string, InstallerException>>>> = {
  docker_r: noDebugger,
  docker_scala: noDebugger,
  docker_r_swarm: noDebugger,
  docker_scala_swarm: noDebugger,
  k8s_r: noDebugger,
  k8s_scala: noDebugger,
  'kernel class in R': noDebugger,
  k8s_python_spark: kubernetesPythonSpark,
  'executor image': kubernetesPythonSpark,
  'executor image by variable': kubernetesPythonSpark,
  'Spark options': kubernetesPythonSpark,
  'Spark home by variable': kubernetesPythonSpark,
  k8s_r_spark: {
    'env.SPARK_OPTS.spark.kubernetes.driver.label.app': appLabel,
    'env.SPARK_OPTS.spark.kubernetes.executor.label.app': appLabel,
  },
  k8s_scala_spark: {
    'env.__TOREE_SPARK_OPTS__.spark.kubernetes.driver.label.app': appLabel,
    'env.__TOREE_SPARK_OPTS__.spark.kubernetes.executor.label.app': appLabel,
  },
  k8s_python_spark_operator: declaresCurve,
  'operator in R': {
    ...declaresCurve,
    files: {
      theirs: 'kernel.js kernel.json logo-64x64.png',
      ours: 'kernel.json logo-64x64.png',
      reason: 'the kernel is a Python kernel, whatever language was asked for',
    },
  },
  yarn_spark_python: yarnPython,
  'Spark options on YARN': yarnPython,
  'YARN impersonation': {
    ...yarnPython,
    'metadata.kernel_provisioner.config.impersonation_enabled': {
      theirs: NOTHING,
      ours: 'true',
      reason: 'the option was given, and would have no effect',
    },
  },
  ssh_scala: {
    'env.SPARK_HOME': { theirs: NOTHING, ours: '/opt/spark', reason: 'bin/run.sh does not start without it' },
  },
  ssh_python_spark: sshPython,
  'Spark master and options over SSH': {
    ...sshPython,
    'env.SPARK_OPTS': {
      theirs: '${KERNEL_EXTRA_SPARK_OPTS}',
      ours: '--x=y ${KERNEL_EXTRA_SPARK_OPTS}',
      reason: 'the extra options were given, and would be lost',
    },
  },
  'unauthorized by variable': {
    'metadata.kernel_provisioner.config.unauthorized_users': {
      theirs: NOTHING,
      ours: '["zed"]',
      reason: 'who may not start kernels is written down, so that the gateway need not have the same variable',
    },
  },
};

const launched = {
  installs: 'yes',
  interrupt_mode: 'signal',
  kernel_protocol_version: '',
  'metadata.kernel_provisioner.config.launch_timeout': '30',
  'argv.--kernel-id': '{kernel_id}',
  'argv.--port-range': '{port_range}',
  'argv.--response-address': '{response_address}',
  'argv.--public-key': '{public_key}',
};

const sparkOptions = (mode: string) => ({
  argv: 'FOLDER/bin/run.sh',
  'argv.--spark-context-initialization-mode': 'lazy',
  'env.LAUNCH_OPTS': '',
  'env.SPARK_HOME': '/SPARK',
  'env.SPARK_OPTS': '${KERNEL_EXTRA_SPARK_OPTS}',
  'env.SPARK_OPTS.--deploy-mode': mode,
  'env.SPARK_OPTS.--master': 'yarn',
  'env.SPARK_OPTS.--name': '${KERNEL_ID:-ERROR__NO__KERNEL_ID}',
});

const yarnSparkPython = {
  ...launched,
  ...sparkOptions('cluster'),
  name: 'yarn_spark_python',
  display_name: 'Spark Python (YARN Cluster)',
  language: 'python',
  files: 'bin/run.sh kernel.json logo-64x64.png',
  'argv.--transport-encryption': '{transport_encryption}',
  'argv.--kernel-class-name': 'ipykernel.ipkernel.IPythonKernel',
  'env.PYSPARK_PYTHON': '/opt/conda/bin/python',
  'env.PYTHONPATH': python37.ours,
  'env.SPARK_OPTS.spark.yarn.submit.waitAppCompletion': 'false',
  'env.SPARK_OPTS.spark.yarn.appMasterEnv.PATH': '/opt/conda/bin:$PATH',
  'env.SPARK_OPTS.spark.yarn.appMasterEnv.PYTHONPATH': python37.ours,
  'env.SPARK_OPTS.spark.yarn.appMasterEnv.PYTHONUSERBASE': '/home/${KERNEL_USERNAME}/.local',
  'metadata.kernel_provisioner.provisioner_name': 'yarn-provisioner',
  'metadata.supported_encryption': '["curve"]',
};

const folderCase = "the launcher's folder is called R and is looked for as r";
const wrongMethod = 'it calls a method that does not exist as soon as an endpoint or its security is not the default';

/** By case. One in which theirs works now fails the test. */
export const failures: Readonly<Record<string, InstallerFailure>> = {
  yarn_spark_r: {
    leaves: 'nothing',
    reason: folderCase,
    ours: {
      ...launched,
      ...sparkOptions('cluster'),
      name: 'yarn_spark_r',
      display_name: 'Spark R (YARN Cluster)',
      language: 'R',
      files: 'bin/run.sh kernel.js kernel.json logo-64x64.png',
      'env.SPARK_OPTS.spark.sparkr.r.command': '/opt/conda/lib/R/bin/Rscript',
      'env.SPARK_OPTS.spark.yarn.am.waitTime': '1d',
      'env.SPARK_OPTS.spark.yarn.appMasterEnv.PATH': '/opt/conda/bin:$PATH',
      'env.SPARK_OPTS.spark.yarn.submit.waitAppCompletion': 'false',
      'metadata.kernel_provisioner.provisioner_name': 'yarn-provisioner',
    },
  },
  ssh_r: {
    leaves: 'nothing',
    reason: folderCase,
    ours: {
      ...launched,
      name: 'ssh_r',
      display_name: 'R SSH',
      language: 'R',
      files: 'kernel.js kernel.json logo-64x64.png',
      argv: 'Rscript FOLDER/scripts/launch_IRkernel.R',
      env: '{}',
      'metadata.kernel_provisioner.provisioner_name': 'distributed-provisioner',
    },
  },
  ssh_r_spark: {
    leaves: 'nothing',
    reason: folderCase,
    ours: {
      ...launched,
      ...sparkOptions('client'),
      name: 'ssh_r_spark',
      display_name: 'R SSH (with Spark)',
      language: 'R',
      files: 'bin/run.sh kernel.js kernel.json logo-64x64.png',
      'env.SPARK_OPTS.spark.sparkr.r.command': '/opt/conda/lib/R/bin/Rscript',
      'metadata.kernel_provisioner.provisioner_name': 'distributed-provisioner',
    },
  },
  'YARN endpoint': {
    leaves: 'unfinished',
    reason: wrongMethod,
    ours: { ...yarnSparkPython, 'metadata.kernel_provisioner.config.yarn_endpoint': 'http://a:8088' },
  },
  'YARN endpoint by variable': { leaves: 'unfinished', reason: wrongMethod, ours: yarnSparkPython },
  'YARN security': {
    leaves: 'unfinished',
    reason: wrongMethod,
    ours: { ...yarnSparkPython, 'metadata.kernel_provisioner.config.yarn_endpoint_security_enabled': 'true' },
  },
  'YARN without py4j': {
    leaves: 'unfinished',
    reason: 'it takes the first of no files when Spark has a Python library without a py4j archive',
    ours: {
      ...yarnSparkPython,
      'env.SPARK_HOME': '/EMPTY',
      'env.PYTHONPATH': '/EMPTY/python',
      'env.SPARK_OPTS.spark.yarn.appMasterEnv.PYTHONPATH': '/EMPTY/python',
    },
  },
};
