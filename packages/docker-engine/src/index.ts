/**
 * A narrow interface to the Docker Engine.
 * @module
 */
export type {
  ContainerMount,
  ContainerResources,
  ContainerSpec,
  DeviceMapping,
  GpuRequest,
  Ulimit,
} from './container-spec.ts';
export type { EngineConfig, EngineTls } from './config/engine-config.ts';
export { configFromEnv, engineAddress } from './config/engine-config.ts';
export type {
  ContainerDetails,
  ContainerFile,
  ContainerNetwork,
  ContainerState,
  ContainerStats,
  ContainerStatus,
  ContainerSummary,
  DockerEngine,
  EngineCall,
  EngineContainers,
  EngineEvent,
  EngineImages,
  EngineNetworks,
  EngineVersion,
  EventFilter,
  EventListener,
  ImageDetails,
  NetworkDetails,
  PullProgress,
} from './engine.ts';
export { openDockerEngine } from './open-docker-engine.ts';
