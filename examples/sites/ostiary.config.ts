import { sites } from './sites/module.ts';

export default { modules: [sites] };
