// Faults of the network at each stage of a run, through a proxy of our own; a file for each driver, to run side by side.
import { testNetworkFaults } from './network-cells.ts';

await testNetworkFaults('postgres', 97);
