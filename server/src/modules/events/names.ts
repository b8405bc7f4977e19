export { secretField } from './secret-fields.ts';
