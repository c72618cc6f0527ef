//! Writing values as YAML text in the style of their surroundings.
