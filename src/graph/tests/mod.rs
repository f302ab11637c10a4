//! Tests of the client against a scripted Graph.
