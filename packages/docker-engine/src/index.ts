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
  PublishedPort,
  Ulimit,
} from './container-spec.ts';
export type { EngineConfig, EngineTls } from './config/engine-config.ts';
export { configFromEnv, engineAddress } from './config/engine-config.ts';
export type { EngineCall } from './engine-call.ts';
export type {
  EngineNetworks,
  EngineVolumes,
  NetworkDetails,
  NetworkSpec,
  VolumeDetails,
  VolumeSpec,
} from './engine-resources.ts';
export type {
  ContainerDetails,
  ContainerFile,
  ContainerNetwork,
  ContainerState,
  ContainerStats,
  ContainerStatus,
  ContainerSummary,
  DockerEngine,
  EngineContainers,
  EngineEvent,
  EngineImages,
  EngineVersion,
  EventFilter,
  EventListener,
  ImageDetails,
  PullProgress,
} from './engine.ts';
export { openDockerEngine } from './open-docker-engine.ts';
export type {
  EngineNodes,
  EngineServices,
  EngineSwarm,
  EngineSwarmFiles,
  EngineTasks,
  FollowedTask,
  NodeAvailability,
  NodeDetails,
  NodeState,
  ServiceDetails,
  ServiceFilter,
  ServiceMount,
  SwarmFile,
  SwarmFileSpec,
  SwarmInfo,
  TaskDetails,
  TaskFilter,
  TaskListener,
  TaskNetwork,
  TaskState,
} from './swarm/engine-swarm.ts';
export type {
  RestartPolicy,
  ServiceFile,
  ServiceNetwork,
  ServicePort,
  ServiceResources,
  ServiceSpec,
} from './swarm/service-spec.ts';
