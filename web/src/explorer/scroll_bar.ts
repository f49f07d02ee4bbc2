/**
 * What a dependency of GraphiQL imports as `react-remove-scroll-bar/constants`: a folder, which only bundlers that look
 * into its package.json find.
 */
export * from "react-remove-scroll-bar/dist/es2015/constants.js";
