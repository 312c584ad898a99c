/** What has no effect here, and what to do instead: a sentence for operators, without a full stop. */
export interface UnusedSettings {
  /** The names without their prefix. In a configuration file the same names stand in lower case. */
  readonly names: readonly string[];
  readonly advice: string;
}

const words = (...lines: readonly string[]): readonly string[] => lines.flatMap((line) => line.split(' '));
const gp = (...lines: readonly string[]): readonly string[] => words(...lines).map((name) => `GP_${name}`);
const gpAndEg = (...lines: readonly string[]): readonly string[] =>
  words(...lines).flatMap((name) => [`GP_${name}`, `EG_${name}`]);

/** Read by what comes with the gateway: provisioners, and the listener that launchers call. A test holds it to their sources. */
export const variablesOfBackends: readonly string[] = [
  ...gpAndEg(
    'AUTHORIZED_USERS UNAUTHORIZED_USERS PORT_RANGE IMPERSONATION_ENABLED KERNEL_LOG_DIR',
    'RESPONSE_IP RESPONSE_PORT RESPONSE_PORT_RETRIES RESPONSE_ADDR_ANY PROHIBITED_LOCAL_IPS',
    'DOCKER_NETWORK MIRROR_WORKING_DIRS PROHIBITED_UIDS PROHIBITED_GIDS',
    'REMOTE_HOSTS LOAD_BALANCING_ALGORITHM REMOTE_USER REMOTE_PWD REMOTE_GSS_SSH SSH_PORT ENABLE_TUNNELING',
  ),
  'EG_KERNEL_IMAGE',
  'EG_KERNEL_EXECUTOR_IMAGE',
  ...gp(
    'RESPONSE_BIND_ADDRESS RESPONSE_ADVERTISED_ADDRESS RESPONSE_ACCEPT_VERSION0 LAUNCHER_PROTOCOL',
    'IMAGE_NAME EXECUTOR_IMAGE_NAME ALLOWED_IMAGES IMAGE_PULL_POLICY',
    'DOCKER_CPUS DOCKER_MEMORY DOCKER_PIDS_LIMIT DOCKER_MAX_CPUS DOCKER_MAX_MEMORY DOCKER_MAX_GPUS',
    'DOCKER_READ_ONLY_ROOT DOCKER_DNS DOCKER_EXTRA_HOSTS DOCKER_PUBLISH_ADDRESS DOCKER_PUBLISH_PORTS',
    'SWARM_CONTAINER_SPEC SWARM_DISCOVERY SWARM_ENDPOINT_MODE SWARM_GPU_RESOURCE SWARM_IMAGES SWARM_LOG_DRIVER',
    'SWARM_LOST_AFTER_SECONDS SWARM_NETWORKS SWARM_PLACEMENT SWARM_RESOURCE_SPEC SWARM_SERVICE_PREFIX SWARM_ULIMITS',
    'SWARM_USER_DATA_FILE SWARM_USER_OPTIONS_POLICY SWARM_USE_USER_OPTIONS',
    'MAX_KERNELS_PER_HOST DRAINED_HOSTS REMOTE_DIR STAGING UNREACHABLE_GRACE_MS SSH_AGENT SSH_CONFIG',
    'SSH_CONNECT_TIMEOUT_MS SSH_HOST_KEY_CHECKING SSH_KEEPALIVE_COUNT_MAX SSH_KEEPALIVE_INTERVAL_MS',
    'SSH_KEY_PASSPHRASE SSH_KEY_PATH SSH_KNOWN_HOSTS',
  ),
];

/** What Enterprise Gateway, Gateway Provisioners or Kernel Gateway read, and nothing here does. */
export const unusedSettings: readonly UnusedSettings[] = [
  {
    names: words(
      'YARN_ENDPOINT ALT_YARN_ENDPOINT YARN_ENDPOINT_SECURITY_ENABLED YARN_SHUTDOWN_WAIT_TIME YARN_CERT_BUNDLE',
      'YARN_MUTUAL_AUTHENTICATION YARN_LOG_LEVEL',
    ),
    advice: 'kernels on YARN are not there yet',
  },
  { names: words('CONDUCTOR_ENDPOINT KERNEL_HEADERS'), advice: 'kernels on Conductor are not there yet' },
  {
    names: words(
      'NAMESPACE SHARED_NAMESPACE DEFAULT_KERNEL_SERVICE_ACCOUNT_NAME KERNEL_CLUSTER_ROLE POD_TEMPLATE_DIR',
      'KUBERNETES_LOG_LEVEL USE_INCLUSTER_CONFIG APP_NAME',
    ),
    advice: 'kernels on Kubernetes are not there yet',
  },
  {
    names: words('DYNAMIC_CONFIG_INTERVAL'),
    advice: 'settings are read at the start; with kernels_on_stop keep, kernels outlive a new one',
  },
  {
    names: words('KERNEL_SESSION_PERSISTENCE AVAILABILITY_MODE KERNEL_SESSION_LOCATION'),
    advice: 'kernels are always recorded in state_dir, for the next start; two gateways cannot share them yet',
  },
  {
    names: words('WEBHOOK_URL WEBHOOK_USERNAME WEBHOOK_PASSWORD AUTH_TYPE'),
    advice: 'kernels are recorded as files in state_dir alone',
  },
  {
    names: words('AUTHORIZER_CLASS AUTHORIZED_ORIGIN'),
    advice: 'not there; see token, client_ca and GP_AUTHORIZED_USERS',
  },
  { names: words('KERNELSPEC_CACHE_ENABLED'), advice: 'not needed: the folders of kernelspecs are always watched' },
  { names: words('SSL_VERSION'), advice: 'see tls_min_version (GP_TLS_MIN_VERSION)' },
  { names: words('KERNEL_INFO_TIMEOUT'), advice: 'see launch_timeout (GP_LAUNCH_TIMEOUT)' },
  { names: words('SENSITIVE_ENV_KEYS REDACTION_MASK'), advice: 'not needed: environments of kernels are never logged' },
  { names: words('SSH_LOG_LEVEL DOCKER_LOG_LEVEL'), advice: 'see log_level (GP_LOG_LEVEL)' },
  {
    names: words('MIN_PORT_RANGE_SIZE MAX_PORT_RANGE_RETRIES'),
    advice: 'launchers read it: set it in the env of kernelspecs',
  },
  { names: words('ALTERNATE_SIGINT'), advice: 'set it in the env of kernelspecs' },
  { names: words('DOCKER_MODE'), advice: 'not needed: a kernelspec says which engine runs its kernel' },
  { names: words('REMOVE_CONTAINER'), advice: 'not there: containers are removed with their kernels' },
  {
    names: words(
      'POLL_INTERVAL MAX_POLL_ATTEMPTS RESTART_STATUS_POLL_INTERVAL SOCKET_TIMEOUT TUNNEL_MAX_KEEP_ALIVE',
      'ZMQ_MAX_SOCKETS ZMQ_IO_THREADS',
    ),
    advice: 'not needed: nothing here has to be tuned in this way',
  },
  { names: words('FORCE_KERNEL_NAME'), advice: 'see allowed_kernels and default_kernel_name' },
  {
    names: words('API SEED_URI PRESPAWN_COUNT CELL_PARSER ALLOW_NOTEBOOK_DOWNLOAD STATIC_PATH'),
    advice: 'this part of Kernel Gateway is not there',
  },
];

/** Options of Enterprise Gateway that are settings here under another name. */
export const renamedSettings: ReadonlyMap<string, string> = new Map([
  ['auth_token', 'token'],
  ['env_whitelist', 'client_envs'],
  ['env_process_whitelist', 'inherited_envs'],
  ['whitelist', 'allowed_kernels'],
  ['persistence_root', 'state_dir'],
]);
