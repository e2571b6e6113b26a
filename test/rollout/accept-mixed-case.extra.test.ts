import { acceptSchema } from '../support/accept-schema.ts';

acceptSchema('quoted mixed case');
