//! The parts of createOptions that matter: reading, the allow-list, what they ask of the host, requested against effective.
