// The gate through PgBouncer; a file for each driver, to run side by side.
import { testPooler } from './pooler-suite.ts';

testPooler('pg');
