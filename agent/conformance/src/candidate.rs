//! Offer × device → what to start here: the container as edgeAgent would create it.
