"""Says before a deployment, and of a site that runs, whether all is as it should be, and what to do where it is not."""
