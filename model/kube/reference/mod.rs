//! References to ConfigMaps and Secrets outside of pod templates: the tables of fields, and the
//! reading of a resource by them.

pub(in crate::kube) mod custom_fields;
pub(in crate::kube) mod field_reference;
pub(in crate::kube) mod field_table;
pub(in crate::kube) mod gitops_fields;
