// Faults of the network before the checks, through a proxy of our own; the matrix is split into files that run side by side.
import { testNetworkFaults } from './network-cells.ts';

await testNetworkFaults('postgres', 'before the checks', 41);
