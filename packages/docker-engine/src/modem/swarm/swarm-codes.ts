/** What an engine answers to a swarm's calls where it is no manager of one. */
export const SWARM_CODES = { 503: 'ENGINE_NOT_MANAGER' } as const;
