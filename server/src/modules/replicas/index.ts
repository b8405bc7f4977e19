export { createReplicas, type ReplicaSource } from './replicas.ts';
