/**
 * Contracts and helpers that every provisioner, ours or a stranger's, compiles against.
 * @module
 */
export type { TemplateValues } from './argv-template.ts';
export { fillArgv, usesPlaceholder } from './argv-template.ts';
export { userSettings } from './authorized-users.ts';
export type { Cancellation, Clock } from './clock.ts';
export { systemClock } from './clock.ts';
export { canonicalJson } from './canonical-json.ts';
export { closestNames, suggestion } from './config/closest-names.ts';
export type { ResolvedSettings, SettingOrigin, SettingSources } from './config/resolve-settings.ts';
export { resolveSettings } from './config/resolve-settings.ts';
export type { SettingSchema } from './config/setting-schemas.ts';
export { booleanSetting, listSetting, settingSchema } from './config/setting-schemas.ts';
export type { Setting, SettingRow, SettingValues, Settings } from './config/settings.ts';
export { defineSettings, describeSettings, settingsTable } from './config/settings.ts';
export type {
  ChannelName,
  ChannelTransport,
  ConnectionInfo,
  KernelConnection,
  TransportEncryption,
} from './connection-info.ts';
export { channelNames } from './connection-info.ts';
export type { CurveKeyPair } from './curve-keys.ts';
export { createCurveKeys } from './curve-keys.ts';
export type { DeadlineOptions, DeadlineScope } from './deadline.ts';
export { abortError, delay, openDeadline, raceSignal, throwIfAborted, withDeadline } from './deadline.ts';
export { defineProvisioner } from './define-provisioner.ts';
export type { ErrorCode, ErrorKind } from './error-codes.ts';
export { errorCatalogue } from './error-codes.ts';
export { describeExit } from './describe-exit.ts';
export type { ConfigProblem, KernelExit, KernelFailureOptions, ProvisionerErrorOptions } from './errors.ts';
export {
  ConfigError,
  KernelFailureError,
  ProvisionerError,
  errorMessage,
  findErrorCause,
  isProvisionerError,
  toProvisionerError,
} from './errors.ts';
export { expandTemplate } from './env-template.ts';
export { interruptSignalOf } from './interrupt-signal.ts';
export type { KernelEnvOptions } from './kernel-env.ts';
export { buildKernelEnv } from './kernel-env.ts';
export type { InterruptMode, JsonObject, JsonValue, KernelSpec, ProvisionerStanza } from './kernel-spec.ts';
export type { LaunchPhase, LaunchProgress, ReportProgress } from './launch-progress.ts';
export type { LogFields, Logger } from './logger.ts';
export { silentLogger } from './logger.ts';
export type { Observed, ObservedSource } from './observed.ts';
export { observed } from './observed.ts';
export { OWNER_VARIABLE, assertOwnedBy, formatOwner, parseOwner } from './ownership.ts';
export type { PortRange } from './port-range.ts';
export { parsePortRange } from './port-range.ts';
export type { AttachProcessGroupOptions } from './process/attach-process-group.ts';
export { attachProcessGroup } from './process/attach-process-group.ts';
export { openLogFile, readLogTail } from './process/log-file.ts';
export type { EndMarkedProcessesOptions } from './process/end-marked-processes.ts';
export { endMarkedProcesses } from './process/end-marked-processes.ts';
export type { EndGroupOptions, ProcessExit, ProcessGroup } from './process/process-group.ts';
export { toKernelExit } from './process/process-group.ts';
export { sendSignal } from './process/process-signals.ts';
export type { MarkedProcess, ProcessEntry, ProcessIdentity, ProcessTable } from './process/process-table.ts';
export { findMarkedProcesses, identifyProcess, isSameProcess, systemProcessTable } from './process/process-table.ts';
export type { ProcessWatcherOptions } from './process/process-watcher.ts';
export { ProcessWatcher } from './process/process-watcher.ts';
export type { SpawnProcessGroupOptions } from './process/spawn-process-group.ts';
export { spawnProcessGroup } from './process/spawn-process-group.ts';
export type {
  CallOptions,
  ImageOffer,
  ImageRequest,
  KernelEndpoint,
  KernelProvisioner,
  KernelStats,
  LaunchContext,
  LaunchOptions,
  LaunchedKernel,
  Liveness,
  OwnedResource,
  ProvisionerDefinition,
  ProvisionerDefinitionInput,
  ProvisionerServices,
  ProvisionerState,
  ResourceListing,
  ResourceOwner,
} from './provisioner.ts';
export { PROVISIONER_API_VERSION, PROVISIONER_BRAND } from './provisioner.ts';
export type { ConfiguredProvisionersOptions, DiscoveryOptions } from './registry/discovery.ts';
export { addConfiguredProvisioners, discoverProvisioners } from './registry/discovery.ts';
export { discoveryPatterns, discoverySettings } from './registry/discovery-settings.ts';
export type { LazyProvisioner, ProvisionerOrigin } from './registry/provisioner-origin.ts';
export type { ProvisionerEntry, ProvisionerRegistryOptions } from './registry/provisioner-registry.ts';
export { ProvisionerRegistry } from './registry/provisioner-registry.ts';
export type {
  CommCallOptions,
  CommChannel,
  CommState,
  CommStatus,
  DialComm,
  ExpectOptions,
  ExpectedLauncher,
  LauncherAnswer,
  LauncherParameters,
  OpenCommOptions,
  Rendezvous,
} from './rendezvous.ts';
export { noRendezvous } from './no-rendezvous.ts';
export type { RequestEnvLimits } from './request-env.ts';
export { checkRequestEnv } from './request-env.ts';
export type { ReservePortsOptions } from './reserve-ports.ts';
export { reservePorts } from './reserve-ports.ts';
export { ResourceStack } from './resource-stack.ts';
export { isSchemaAnswer } from './standard-schema.ts';
export { parseStoredConnectionInfo } from './stored-connection-info.ts';
export { systemErrorCode } from './system-error.ts';
export { z85Decode, z85Encode } from './z85.ts';
