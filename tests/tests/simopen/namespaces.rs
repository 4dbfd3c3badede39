//! Simultaneous opens that do not depend on luck: two hosts, made of network namespaces, whose first packets are held
//! back because neither knows the other's true hardware address.
